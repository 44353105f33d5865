"""Files whose axes have names: netCDF, xarray's Zarr stores, Minian and AnnData."""
