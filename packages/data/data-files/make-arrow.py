"""Writes the Arrow files that the tests read, with pyarrow 26. `big-endian.arrow`, `self-reference.arrow` and `negative-count.arrow` were
made by hand: the first is a file whose schema says big-endian, the second a message of 112 bytes whose schema claims two billion metadata
entries, the third the start of a file in which 9 bytes were lost, so that its schema has a negative number of fields and many entries."""
import decimal, io, json, pathlib
import pyarrow as pa
from PIL import Image

here = pathlib.Path(__file__).parent / 'arrow'

def png(i):
    out = io.BytesIO()
    Image.new('RGB', (8, 8), (i * 60 % 256, 40, 200 - i * 40)).save(out, 'PNG')
    return out.getvalue()

N = 4
IMAGE = pa.struct([('bytes', pa.binary()), ('path', pa.string())])
images = pa.array([{'bytes': png(i), 'path': f'{i}.png'} for i in range(N)], IMAGE)
texts = [None if i == 2 else 'row ' + str(i) * (1 + 20 * i) for i in range(N)]
lists = [None if i == 1 else [10 * i + k for k in range(i)] for i in range(N)]

def runs():
    return pa.RunEndEncodedArray.from_arrays(pa.array([1, 4], pa.int32()), pa.array(['a', 'b']))

# Every type that pyarrow can make, those that are not read among those that are.
columns = {
    'null': pa.nulls(N),
    'decimal': pa.array([decimal.Decimal(i) for i in range(N)], pa.decimal128(10, 2)),
    'image': images,
    'date': pa.array([i for i in range(N)], pa.date32()),
    'time': pa.array([i for i in range(N)], pa.time64('us')),
    'taken': pa.array([i for i in range(N)], pa.timestamp('s')),
    'interval': pa.array([(i, i, i) for i in range(N)], pa.month_day_nano_interval()),
    'duration': pa.array([i for i in range(N)], pa.duration('s')),
    'utf8View': pa.array(texts, pa.string_view()),
    'map': pa.array([[('k', i)] for i in range(N)], pa.map_(pa.string(), pa.int32())),
    'sparse': pa.UnionArray.from_sparse(pa.array([0] * N, pa.int8()), [pa.array([1] * N), pa.array(['x'] * N, pa.string_view())]),
    'dense': pa.UnionArray.from_dense(pa.array([0] * N, pa.int8()), pa.array(list(range(N)), pa.int32()), [pa.array(range(N))]),
    'runs': runs(),
    'binaryView': pa.array([None if t is None else t.encode() for t in texts], pa.binary_view()),
    'largeText': pa.array(texts, pa.large_string()),
    'largeBinary': pa.array([None if t is None else t.encode() for t in texts], pa.large_binary()),
    'fixedBinary': pa.array([bytes([i, i + 1]) for i in range(N)], pa.binary(2)),
    'list': pa.array(lists, pa.list_(pa.int32())),
    'largeList': pa.array(lists, pa.large_list(pa.int32())),
    'listView': pa.array(lists, pa.list_view(pa.int32())),
    'largeListView': pa.array(lists, pa.large_list_view(pa.int32())),
    'fixedList': pa.array([[i, i + 1] for i in range(N)], pa.list_(pa.float32(), 2)),
    'viewList': pa.array([[t] for t in texts], pa.list_(pa.string_view())),
    'dictionary': pa.array(['cat', None, 'dog', 'cat'], pa.dictionary(pa.int8(), pa.string())),
    'dictionaryOfLists': pa.DictionaryArray.from_arrays(pa.array([1, 0, 1, None], pa.uint16()), pa.array([[1], [2, 3]])),
    'half': pa.array([i / 2 for i in range(N)], pa.float16()),
    'flag': pa.array([i % 2 == 0 for i in range(N)]),
    'caption': pa.array([f'caption {i}' for i in range(N)]),
}
table = pa.table(columns)

def write(name, table, kind=pa.ipc.new_stream, **options):
    with pa.OSFile(str(here / name), 'wb') as sink, kind(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as out:
        for batch in table.to_batches(max_chunksize=3):
            out.write_batch(batch)

write('types.arrow', table)
write('types-lz4.arrow', table, compression='lz4')
write('types-zstd.arrow', table, compression='zstd')
write('types-file.arrow', table, pa.ipc.new_file)

# A text of several LZ4 blocks, which refer to each other, and noise, which is stored as it is.
import random
random.seed(1)
long = ''.join(random.choice(['lorem ', 'ipsum ', 'dolor ', 'sit ', 'amet ']) for _ in range(40000))
repeated = 'ab' * 150000
for codec in ('lz4', 'zstd'):
    t = pa.table({'caption': [repeated, long[:2000] * 40], 'noise': [random.randbytes(900), random.randbytes(30)]})
    write(f'long-{codec}.arrow', t, compression=codec)

# Dictionaries that grow, and that are replaced.
for name, deltas in (('dictionary-delta', True), ('dictionary-replaced', False)):
    words = [['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd']] if deltas else [['a', 'b'], ['x', 'y', 'z'], ['q']]
    schema = pa.schema([('word', pa.dictionary(pa.int8(), pa.string()))])
    with pa.OSFile(str(here / f'{name}.arrow'), 'wb') as sink, pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)) as out:
        for known in words:
            column = pa.DictionaryArray.from_arrays(pa.array([len(known) - 1, 0], pa.int8()), pa.array(known))
            out.write_batch(pa.record_batch([column], schema=schema))

def described(name, features, **columns):
    t = pa.table({'image': images, **columns})
    write(name, t.replace_schema_metadata({'huggingface': json.dumps({'info': {'features': features}})}))

value = lambda dtype: {'dtype': dtype, '_type': 'Value'}
described('array2d-unneeded.arrow', {'image': {'_type': 'Image'}, 'caption': value('string'), 'boxes': {'shape': [1, 2], 'dtype': 'float32', '_type': 'Array2D'}, 'sound': {'_type': 'Audio'}, 'taken': value('timestamp[s]')},
    caption=columns['caption'], boxes=pa.array([[[1.0, 2.0]]] * N, pa.list_(pa.list_(pa.float32()))), sound=columns['image'], taken=columns['taken'])
described('labels.arrow', {'image': {'_type': 'Image'}, 'label': value('int64'), 'breed': value('string')},
    label=pa.array([7, 3, 7, None], pa.int64()), breed=pa.array(['pug', 'akita', 'pug', '']))
write('image-binary.arrow', pa.table({'image': pa.array([png(i) for i in range(N)]), 'caption': columns['caption']}))
