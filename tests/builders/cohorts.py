"""The paper's cohorts, typed from the description of the data sets."""

CLASSES = {
    "chest": {20: 1450, 15: 1600, 10: 2000, 6: 2300, 4: 3900, 2: 6300},
    "brain": {10: 2500, 8: 3120, 6: 4170, 4: 6250, 2: 12500},
}
SAMPLES = {
    "chest": [5950, 4500, 3000, 1500, 1000, 500, 400, 200],
    "brain": [5400, 4500, 3000, 1500, 1000, 500, 300, 100],
}
COHORTS = {
    modality: [
        "resolution",
        *[f"classes:{k}" for k in CLASSES[modality]],
        *[f"samples:{n}" for n in SAMPLES[modality]],
    ]
    for modality in CLASSES
}
