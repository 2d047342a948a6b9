"""Commands: one file per arrow of the flow, and `launch.pipeline` for all of them."""
