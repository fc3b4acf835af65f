"""Pictures for icons."""

import io

from PIL import Image

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">'
    '<circle cx="5" cy="5" r="4" fill="#f00"/></svg>'
)


def png(width: int, height: int) -> bytes:
    """A picture that is red on its left half and transparent on its right."""
    image = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, max(width // 2, 1), height))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
