"""Everything made again from the lake, and compared with what stands, row by row, at one cut."""
