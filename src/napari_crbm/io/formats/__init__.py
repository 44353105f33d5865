"""The recording formats, one module each; `napari_crbm.io.registry` lists them."""
