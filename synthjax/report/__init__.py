"""One page that a person reads: the verdict of a study and what it rests on."""
