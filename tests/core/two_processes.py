"""One of two processes of `test_devices`: prints what a step gives it, as JSON.

usage: two_processes.py MAPPING PORT PROCESS
"""

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np

from synthjax.core.checkpoint import Checkpoints
from synthjax.core.devices import DevicesConfig, make_devices

mapping, port, process = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
config = DevicesConfig(
    mapping=mapping,
    distributed=True,
    coordinator=f"127.0.0.1:{port}",
    process_count=2,
    process_id=process,
)
devices = make_devices(config)
from test_devices import shifted, step

batch = np.linspace(-1, 1, 24, dtype=np.float32).reshape(8, 3)
local = devices.shard({"x": batch[4 * process : 4 * process + 4]})
state = devices.replicate({"w": np.arange(3, dtype=np.float32)})
shift = devices.replicate(np.float32(0))
state, _ = devices.map_step(step, in_axes=(None, 0, None)).compile_ahead(
    state, local, shift
)(state, local, shift)
out = devices.gather(
    devices.map_step(shifted, in_axes=(None, 0), sharded_outputs=True)(state, local)
)
# Both processes save and restore the same checkpoint together.
folder = Path(tempfile.gettempdir()) / f"synthjax-two-processes-{port}"
checkpoints = Checkpoints(folder)
checkpoints.save(1, train=state, ema=state, data={"position": 3}, meta={"kimg": 1})
checkpoints.wait()
restored, _, data, meta = checkpoints.restore(1, train=state, ema=state)
assert data == {"position": 3} and meta == {"kimg": 1}
checkpoints.close()
devices.barrier("end")
result = {
    "w": np.asarray(state["w"]).tolist(),
    "restored": np.asarray(devices.replicate(restored)["w"]).tolist(),
    "y": out["y"].tolist(),
    "device": out["device"].tolist(),
    "index": devices.process_index,
}
print(json.dumps(result))
