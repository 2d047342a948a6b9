"""The names of the findings, in the order of the sets that define them."""

CHEST = (  # CheXpert: Irvin et al., AAAI 2019
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
HAEMORRHAGES = (  # RSNA 2019: Flanders et al., Radiology: AI 2020
    "epidural",
    "intraparenchymal",
    "intraventricular",
    "subarachnoid",
    "subdural",
)
BRAIN = (*HAEMORRHAGES, "no finding")  # DuMont Schuette et al., 2021, without "any"
