"""A small atlas on disk as brainglobe-atlasapi 3 keeps it, so that the library itself opens it."""

import json
from pathlib import Path

import numpy as np

NAME = "test_zfish_10um"
RESOLUTION_UM = (10.0, 10.0, 10.0)
#: id, name, acronym, path from the root, colour
STRUCTURES = (
    (1, "root", "root", [1], "#FFFFFF"),
    (5, "Forebrain", "FB", [1, 5], "#FF0033"),
    (7, "Pallium", "P", [1, 5, 7], "#00FF00"),
    (9, "Hindbrain", "HB", [1, 9], "#0000FF"),
)


def annotation() -> np.ndarray:
    """Axes anterior, superior, right; the pallium lies in front, above, and on the right."""
    labels = np.zeros((12, 8, 16), dtype=np.uint32)
    labels[:4] = 5
    labels[:4, :4, :8] = 7
    labels[6:, 2:, 4:12] = 9
    return labels


def write_cache(config_dir: Path, brainglobe_dir: Path, *, with_volume: bool = True) -> None:
    """Write settings and atlas; without the volume, as after an interrupted download."""
    import DracoPy
    import ngff_zarr as nz

    config_dir.mkdir(parents=True, exist_ok=True)
    (config_dir / "bg_config.conf").write_text(
        f"[default_dirs]\nbrainglobe_dir = {brainglobe_dir}\n"
        f"interm_download_dir = {brainglobe_dir}\n"
    )
    root = brainglobe_dir / "brainglobe-atlasapi"
    places = {
        "terminology": "terminologies/test-terminology/1_0",
        "coordinate_space": "coordinate-spaces/test-space/1_0",
        "annotation_set": "annotation-sets/test-annotation/1_0",
        "template": "templates/test-template/1_0",
    }
    for place in places.values():
        (root / place).mkdir(parents=True)
    rows = ["identifier,parent_identifier,annotation_value,name,abbreviation,color_hex_triplet,"]
    rows[0] += "root_identifier_path"
    for identity, name, acronym, path, colour in STRUCTURES:
        parent = path[-2] if len(path) > 1 else ""
        rows.append(f'{identity},{parent},{identity},{name},{acronym},{colour},"{path}"')
    (root / places["terminology"] / "terminology.csv").write_text("\n".join(rows) + "\n")
    labels = annotation()
    for place, file, volume in (
        (places["annotation_set"], "annotations_compressed.ome.zarr", labels),
        (places["template"], "template.ome.zarr", labels.astype(np.uint16)),
    ):
        image = nz.to_ngff_image(
            volume,
            dims=["z", "y", "x"],
            scale=dict(zip("zyx", (value / 1000 for value in RESOLUTION_UM), strict=True)),
        )
        multiscales = nz.to_multiscales(image, scale_factors=[])
        nz.to_ngff_zarr(str(root / place / file), multiscales, version="0.5")
        if not with_volume:
            for chunks in (root / place / file).glob("**/c"):
                chunks.rename(chunks.with_name("elsewhere"))
    meshes = root / places["annotation_set"] / "annotations.precomputed" / "mesh"
    meshes.mkdir(parents=True)
    # The pallium as a box, in nanometres and x, y, z order; the others bring no surface.
    low, high = np.array([0, 0, 0.0]), np.array([40, 40, 80.0])
    corners = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    points = (low + corners * (high - low))[:, ::-1] * 1000
    faces = np.array([[0, 1, 3], [0, 3, 2], [4, 5, 7], [4, 7, 6], [0, 1, 5], [0, 5, 4]])
    encoded = DracoPy.encode(points.astype(np.float32), faces, quantization_bits=16)
    (meshes / "7").write_bytes(encoded)
    located = {key: {"name": key, "location": f"/{place}"} for key, place in places.items()}
    manifest = {
        "name": "test_zfish",
        "version": "1_0",
        "symmetric": True,
        "resolution": list(RESOLUTION_UM),
        "orientation": "asr",
        "shape": list(labels.shape),
        "additional_references": [],
        **{key: located[key] for key in ("terminology", "coordinate_space")},
        "annotation_set": {**located["annotation_set"], "template": located["template"]},
    }
    folder = root / "atlases" / NAME / "1_0"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))
