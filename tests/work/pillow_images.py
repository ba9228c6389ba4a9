"""pillow at work: drawing, resizing, filters, formats in and out, pixel access, errors."""

import hashlib
import io
import pickle

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps, ImageStat, features


def digest(image):
    return image.mode, image.size, hashlib.sha256(image.tobytes()).hexdigest()[:16]


def attempt(name, call):
    try:
        print(name, "gives", call())
    except Exception as error:
        print(name, "raises", type(error).__name__, str(error)[:60].split(" at 0x")[0])


image = Image.new("RGB", (96, 64), (10, 20, 30))
draw = ImageDraw.Draw(image)
draw.rectangle((8, 8, 60, 40), fill="orange", outline=(255, 255, 255), width=2)
draw.ellipse((40, 20, 90, 60), fill=(0, 128, 255))
draw.line([(0, 0), (95, 63), (95, 0)], fill="#ff00ff", width=3)
draw.polygon([(5, 60), (20, 45), (35, 60)], fill="green")
draw.text((10, 12), "pillow", fill="black", font=ImageFont.load_default_imagefont())
print(digest(image), image.getpixel((50, 30)), image.getbbox())

for size, how in (((48, 32), Image.Resampling.LANCZOS), ((200, 130), Image.Resampling.BICUBIC), ((31, 31), Image.Resampling.BOX)):
    print(digest(image.resize(size, how)))
small = image.copy()
small.thumbnail((20, 20))
print(digest(small), digest(image.rotate(30, expand=True)), digest(image.transpose(Image.Transpose.ROTATE_90)))
print(digest(image.crop((10, 10, 50, 50))), digest(image.convert("L")), digest(image.convert("1")), digest(image.convert("CMYK")))
print(digest(image.quantize(8).convert("RGB"))[:2], digest(image.filter(ImageFilter.GaussianBlur(2))))
print(digest(image.filter(ImageFilter.Kernel((3, 3), [0, -1, 0, -1, 5, -1, 0, -1, 0]))), digest(ImageOps.autocontrast(image)))
print(digest(ImageChops.difference(image, ImageOps.mirror(image))), digest(image.point(lambda v: 255 - v)))
red, green, blue = image.split()
print(digest(red), digest(Image.merge("RGB", (blue, green, red))), digest(Image.blend(image, Image.new("RGB", image.size), 0.5)))
print(ImageStat.Stat(image).mean, image.histogram()[:12], image.getcolors(5), red.getextrema())
mask = Image.linear_gradient("L").resize(image.size)
pasted = image.copy()
pasted.paste((255, 0, 0), (0, 0), mask)
pasted.putalpha(mask)
print(digest(pasted), digest(Image.alpha_composite(pasted, pasted.rotate(180))))

pixels = image.load()
pixels[0, 0] = (1, 2, 3)
print(pixels[0, 0], image.getpixel((0, 0)), sum(sum(p) for p in image.get_flattened_data()) if hasattr(image, "get_flattened_data") else sum(sum(p) for p in image.getdata()))
attempt("a pixel outside", lambda: pixels[96, 0])
attempt("a bad colour", lambda: Image.new("RGB", (1, 1), "no such colour"))
attempt("a bad mode", lambda: Image.new("XYZ", (1, 1)))
attempt("a bad size", lambda: image.resize((-1, 4)))
attempt("no image", lambda: Image.open(io.BytesIO(b"this is no image")))

for kind, options in (
    ("PNG", {"compress_level": 9}), ("BMP", {}), ("GIF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("PPM", {}), ("TGA", {}),
    ("JPEG", {"quality": 90}), ("WEBP", {"lossless": True}), ("JPEG2000", {}), ("ICO", {}),
):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    stream.seek(0)
    with Image.open(stream) as again:
        again.load()
        exact = again.convert("RGB").tobytes() == image.tobytes()
        print(kind, again.format, again.mode, again.size, "exact" if exact else "near or other")
        bands = ImageChops.difference(again.convert("RGB").resize(image.size), image).getextrema()
        print("  largest difference", "small" if max(high for _, high in bands) < 100 else "large")

# A truncated file, and one read from a Python object
stream = io.BytesIO()
image.save(stream, "PNG")
attempt("a truncated file", lambda: Image.open(io.BytesIO(stream.getvalue()[:300])).load())


class Counting(io.BytesIO):
    reads = 0

    def read(self, size=-1):
        self.reads += 1
        return super().read(size)


counting = Counting(stream.getvalue())
print(digest(Image.open(counting)) == digest(image), counting.reads > 2)


class Broken(io.BytesIO):
    def write(self, data):
        raise OSError("disk full")


attempt("a writer that fails", lambda: image.save(Broken(), "PNG"))

frames = [Image.new("P", (8, 8), i) for i in range(4)]
animation = io.BytesIO()
for i, frame in enumerate(frames):
    frame.putpalette([i * 40, 255 - i * 40, 7] * 256)
frames[0].save(animation, "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0)
with Image.open(animation) as moving:
    print(moving.n_frames, moving.info.get("duration"), [moving.seek(i) or moving.convert("RGB").getpixel((0, 0)) for i in range(moving.n_frames)])

# Memory of others, and to others
data = bytearray(range(256)) * 4
view = Image.frombuffer("L", (32, 32), data, "raw", "L", 0, 1)
print(digest(view), digest(Image.frombytes("RGB", (4, 4), bytes(range(48)))))
print(digest(pickle.loads(pickle.dumps(image))) == digest(image), image == image.copy())
interface = image.__array_interface__
print(interface["shape"], interface["typestr"], len(interface["data"]))
exif = image.getexif()
exif[0x010E] = "described"
jpeg = io.BytesIO()
image.save(jpeg, "JPEG", exif=exif, dpi=(72, 72))
print(dict(Image.open(jpeg).getexif()), Image.open(jpeg).info["dpi"])
print(sorted(name for name in ("jpg", "zlib", "webp", "libtiff", "freetype2", "jpg_2000") if features.check(name)))
font = ImageFont.load_default(14)
print(font.getname(), font.getbbox("Hello"), font.getlength("Hello"), digest(Image.Image()._new(font.getmask("Hé"))))
