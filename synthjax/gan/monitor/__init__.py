"""Records a run and watches over it."""
