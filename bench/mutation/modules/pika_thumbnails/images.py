import io

from PIL import Image


def shrunk(original):
    picture = Image.open(io.BytesIO(original))
    picture.thumbnail((256, 256))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
