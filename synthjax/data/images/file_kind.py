"""What kind of image a file is, by its first bytes."""

from synthjax.data.images.dicom import is_dicom

_PNG = b"\x89PNG\r\n\x1a\n"
READ = ("PNG", "JPEG", "TIFF", "DICOM")
_BEGIN = {
    _PNG: "PNG",
    b"\xff\xd8\xff": "JPEG",
    # both byte orders, TIFF and BigTIFF
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TIFF"),
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"8BPS\0\x01": "PSD",
    b"v/1\x01": "OpenEXR",
    b"NRRD000": "NRRD",
    b"SIMPLE  =": "FITS",
}
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # bytes
_HEIF = (b"avif", b"heic", b"heix", b"mif1")
_NETPBM = (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6")
KINDS = (
    *READ,
    *("BMP", "GIF", "WebP", "JPEG 2000", "JPEG XL", "HEIF", "Netpbm", "PSD"),
    *("OpenEXR", "NRRD", "FITS", "NIfTI"),
)
UNREADABLE_SUFFIXES = (  # of kinds that their first bytes do not tell
    *(".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".heic", ".avif"),
)


def file_kind(head: bytes) -> str:
    """Returns one of KINDS for the first `dicom.HEAD` bytes of a file, or ""."""
    if is_dicom(head):  # before the others: its preamble may be the head of a TIFF
        return "DICOM"
    for begin, kind in _BEGIN.items():
        if head.startswith(begin):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF:
        return "HEIF"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if head[:2] in _NETPBM and head[2:3].isspace() and head[3:4] in b"#0123456789":
        return "Netpbm"
    return ""
