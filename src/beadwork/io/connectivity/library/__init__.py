"""Files of reference libraries: what lies in a folder, and tables of compounds, cells and genes."""
