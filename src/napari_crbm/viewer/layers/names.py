"""Names of the plugin's layers, and keys of their metadata."""

NEURONS, OUTLINE_NAME, SHELL = "Neurons", "Brain outline", "Brain"
ASSEMBLY, CHOSEN_NEURON, ACTIVE = "Assembly", "Chosen neuron", "Active neurons"
GROUP = "Chosen neurons"
REGIONS = "Regions"
#: All layers that show the workspace.
PLUGIN_LAYERS = (
    SHELL,
    OUTLINE_NAME,
    NEURONS,
    REGIONS,
    ASSEMBLY,
    CHOSEN_NEURON,
    GROUP,
    ACTIVE,
)
#: Metadata key of the recording that a layer shows.
RECORDING_KEY = "napari_crbm_recording"
MODEL_KEY = "napari_crbm_model"
MODEL_PATH_KEY = "napari_crbm_model_path"
