"""Writes the same six pictures as Arrow, Parquet and tar files, and what is in them as expected.json, with pyarrow 26, Pillow, tarfile and GNU tar.
The bytes of the pictures are no UTF-8, so that reading them as text would show."""
import hashlib, io, json, os, pathlib, shutil, subprocess, tarfile, tempfile
import pyarrow as pa, pyarrow.parquet as pq
from PIL import Image, ImageDraw

here = pathlib.Path(__file__).parent / 'pictures'
here.mkdir(exist_ok=True)
names = ['circle', 'square']
rows = []
for i in range(6):
    im = Image.new('RGB', (16, 16), 'white')
    draw = ImageDraw.Draw(im)
    (draw.ellipse if i % 2 == 0 else draw.rectangle)((3, 3, 12, 12), fill=['red', 'green', 'blue'][i // 2])
    out = io.BytesIO()
    im.save(out, 'JPEG', quality=60, optimize=True)
    caption = f"{['red', 'grün', 'blue'][i // 2]} {names[i % 2]}"
    rows.append({'bytes': out.getvalue(), 'path': f'{i:05d}.jpg', 'caption': caption, 'captions': [caption, f'a picture of a {caption}'], 'label': i % 2, 'similarity': 1 if i == 0 else 0.25 + i / 100})
(here / 'expected.json').write_text(json.dumps([{**{k: v for k, v in r.items() if k != 'bytes'}, 'sha256': hashlib.sha256(r['bytes']).hexdigest()} for r in rows], indent=1, ensure_ascii=False) + '\n')

features = {'image': {'_type': 'Image'}, 'caption': {'dtype': 'string', '_type': 'Value'}, 'captions': {'feature': {'dtype': 'string', '_type': 'Value'}, '_type': 'List'}, 'label': {'names': names, '_type': 'ClassLabel'}, 'similarity': {'dtype': 'float64', '_type': 'Value'}, 'taken': {'dtype': 'timestamp[ms]', '_type': 'Value'}}
table = pa.table({
    'image': pa.array([{'bytes': r['bytes'], 'path': r['path']} for r in rows], pa.struct([('bytes', pa.binary()), ('path', pa.string())])),
    'caption': [r['caption'] for r in rows], 'captions': [r['captions'] for r in rows],
    'label': pa.array([r['label'] for r in rows], pa.int64()), 'similarity': pa.array([float(r['similarity']) for r in rows]),
    'taken': pa.array([i * 1000 for i in range(6)], pa.timestamp('ms')),
}).replace_schema_metadata({'huggingface': json.dumps({'info': {'features': features}})})
for codec in ('snappy', 'zstd', 'none', 'gzip', 'brotli', 'lz4'):
    pq.write_table(table, here / f'pictures-{codec}.parquet', row_group_size=4, compression=codec, write_statistics=False)
with pa.OSFile(str(here / 'pictures.arrow'), 'wb') as sink, pa.ipc.new_stream(sink, table.schema) as out:
    for batch in table.to_batches(max_chunksize=4):
        out.write_batch(batch)

def add(tar, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))

def write(name, format, folder, rows, kinds):
    with tarfile.open(here / name, 'w', format=format) as tar:
        if folder:
            info = tarfile.TarInfo(folder)
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
        for i, r in enumerate(rows):
            key = f'{folder}{i:05d}'
            for kind in kinds:
                data = {'jpg': r['bytes'], 'txt': r['caption'].encode(), 'cls': str(r['label']).encode(),
                    'json': json.dumps({k: r[k] for k in ('caption', 'captions', 'similarity')}).encode()}[kind]
                add(tar, f'{key}.{kind}', data)

all_kinds = ('jpg', 'json', 'cls')
write('pictures-ustar.tar', tarfile.USTAR_FORMAT, '', rows, all_kinds)
# Names of more than 100 bytes: split by ustar, in members of their own by GNU, in records by pax.
long = 'a-folder-with-a-long-name/' * 4
write('long-ustar.tar', tarfile.USTAR_FORMAT, long, rows[:2], ('jpg', 'txt'))
write('long-gnu.tar', tarfile.GNU_FORMAT, long * 3, rows[:2], ('jpg', 'txt'))
write('long-pax.tar', tarfile.PAX_FORMAT, 'größe/' + long * 3, rows[:2], ('jpg', 'txt'))
for style in ('gnu', 'posix'):
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary, long)
        folder.mkdir(parents=True)
        for i, r in enumerate(rows[:2]):
            (folder / f'{i:05d}.jpg').write_bytes(r['bytes'])
            (folder / f'{i:05d}.txt').write_text(r['caption'])
        subprocess.run(['tar', '--sort=name', '--mtime=@0', '--owner=0', '--group=0', f'--format={style}', '-cf', str(here / f'by-tar-{style}.tar'), '-C', temporary, 'a-folder-with-a-long-name'], check=True)
# The end of a tar file is padded to 10 kB, which no reader needs.
for file in here.glob('*.tar'):
    content = file.read_bytes().rstrip(b'\0')
    file.write_bytes(content + b'\0' * (-len(content) % 512 + 1024))
