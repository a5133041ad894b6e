"""Write the images of this folder (needs Pillow and NumPy): quadrants red, green, blue and grey, 24 x 16 pixels."""
import os

import numpy as np
from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))
quadrants = np.zeros((16, 24, 3), np.uint8)
quadrants[:8, :12] = 230, 20, 30
quadrants[:8, 12:] = 20, 200, 40
quadrants[8:, :12] = 10, 30, 220
quadrants[8:, 12:] = 128, 128, 128
colour = Image.fromarray(quadrants)
colour.save(os.path.join(here, "baseline.jpg"), quality=95, subsampling=0)
colour.save(os.path.join(here, "progressive.jpg"), quality=95, subsampling=0, progressive=True)
colour.convert("L").save(os.path.join(here, "grey.jpg"), quality=95)
alpha = np.full((16, 24, 1), 255, np.uint8)
alpha[:8, :12] = 0
alpha[:8, 12:] = 128
Image.fromarray(np.concatenate([quadrants, alpha], 2)).save(os.path.join(here, "alpha.png"))
palette = colour.quantize(4)
palette.info["transparency"] = palette.getpixel((0, 0))
palette.save(os.path.join(here, "palette.png"), transparency=palette.getpixel((0, 0)))
grey16 = (np.arange(16 * 24, dtype=np.uint32).reshape(16, 24) * 170).astype(np.uint16)
Image.fromarray(grey16).save(os.path.join(here, "grey16.png"))
