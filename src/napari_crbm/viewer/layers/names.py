"""Names of the layers that follow a workspace, and what their metadata holds."""

NEURONS, OUTLINE_NAME = "Neurons", "Brain outline"
ASSEMBLY, CHOSEN_NEURON, ACTIVE = "Assembly", "Chosen neuron", "Active neurons"
GROUP = "Chosen neurons"
REGIONS = "Regions"
#: All layers that follow a workspace.
OURS = (OUTLINE_NAME, NEURONS, REGIONS, ASSEMBLY, CHOSEN_NEURON, GROUP, ACTIVE)
#: Where a layer's metadata keeps the recording it was made from.
RECORDING_KEY = "napari_crbm_recording"
MODEL_KEY = "napari_crbm_model"
MODEL_PATH_KEY = "napari_crbm_model_path"
