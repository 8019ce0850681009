"""Small tokenizers of the structure of CLIP's, SigLIP's and SigLIP 2's, and the ids that transformers and tokenizers give.

    python packages/data/data-files/make-tokenizers.py packages/data/data-files/tokenizers    writes the folders that the tests read
    python packages/data/data-files/make-tokenizers.py --encode < request.json                encodes texts: {"folder", "class", "texts"}

Needs transformers, tokenizers, sentencepiece, protobuf and open_clip. `class` is a class of transformers, or null for tokenizer.json alone.
"""
import gzip
import json
import os
import sys
import tempfile
import warnings

warnings.filterwarnings('ignore')

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, '../src/tokenizer/openclip-cases.json')
MORE = ['日本語の猫の写真です', '一只红色的猫在垫子上', 'صورة قطة حمراء على البساط', 'фото красной кошки', 'नमस्ते दुनिया बिल्ली',
        'ภาพถ่ายของแมว', '고양이 사진', 'naïve café façade', 'a photo of a red cat on a mat', 'the quick brown fox, they’ll and don’t']
"""Sequences that the small SigLIP's table replaces: some are parts of others, and one is removed."""
RULES = {'ﬁ': 'fi', 'ﬀ': 'ff', 'Ａ': 'A', 'ａ': 'a', 'ｂ': 'b', '１': '1', '　': ' ', '\u00a0': ' ', '\t': ' ', '\n': ' ', '\r': ' ',
         '™': 'TM', '①': '1', 'か゛': 'が', '\u200b': ' ', '\ufeff': '', '½': '1⁄2', 'カ\u3099': 'ガ', 'ｶﾞ': 'ガ', 'e\u0301': 'é',
         '▁': ' ', '\u0001': ''}
"""The punctuation that transformers' converter of SigLIP removes."""
PUNCTUATION = '[!"\\#\\$%\\&\'\\(\\)\\*\\+,\\-\\.:;=\\?@\\[\\\\\\]\\^_`\\{\\|\\}\\~]'

HARD = ['', ' ', '   ', 'a photo of a cat', '  a photo of  a cat ', '\ta\nb\r\nc', 'A Photo OF A CAT!', "they'll don't I'm he'd", 'naïve café',
        'cafe\u0301', '\u0301', 'Ａａｂ１　ﬁﬀ', 'ｶﾞカ\u3099が', '日本語の猫', '一只红色的猫', 'صورة قطة', 'नमस्ते क्षि', 'ภาพถ่ายของแมว ก็', '고양이 \u1100\u1161\u11a8',
        '👩‍👩‍👧', '👍🏽👍🏿', '🇩🇪🇫🇷🇮', '❤️', 'a👩‍🚀b', '🏴\U000e0067\U000e0062\U000e007f', '\u0000', 'a\u0000b', '\u0001\u0002\x1b[31m', '\x7f\x85\x9f', 'a\u200bb\ufeffc\u200d',
        'x\u00adz', 'ΣΑΣ ΟΔΥΣΣΕΎΣ', 'İstanbul ı ẞ ß', 'ǅ Ⅷ ² ½ ③ ٣', '\u0345 ſ K Å', '\u2028\u2029\u00a0\u3000', '\ufdfa', '▁', '▁▁a▁b', ' ▁ ', 'a_b c-d e/f <b> {x}',
        '...!!!???', '!', '😀😀😀', 'a' * 300, 'ab' * 200, 'supercalifragilisticexpialidocious' * 3, '漢' * 100, '\n\n\n\n', ' ' * 20 + 'a' + ' ' * 20,
        '</s>', 'a</s>b', ' </s> a  </s>  ', '<unk>', 'a <unk> b', '<pad><eos><bos>', 'x<eos>y', '<|startoftext|>', 'a <|endoftext|> b', '<|ENDOFTEXT|>',
        '<0x41>', '<0xE2><0x96><0x81>', '<unused1> a', '\ufffd', '𝑨𝔞𝟙', '\U00020000', '\U0010ffff', 'e\u0301\u0302\u0323', '\u0f73\u0f71', '가각', '‘’“”–—…']


def corpus():
    with open(CASES) as file:
        return [case[1].replace('\r', ' ').replace('\n', ' ') for case in json.load(file)] + MORE * 30


def write(folder, name, content):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'w') as file:
        json.dump(content, file, ensure_ascii=False, separators=(',', ':'))
        file.write('\n')


def make_clip(folder):
    """The first merges of OpenAI's vocabulary."""
    import open_clip
    from open_clip.tokenizer import bytes_to_unicode
    from transformers import CLIPTokenizer
    source = os.path.join(os.path.dirname(open_clip.__file__), 'bpe_simple_vocab_16e6.txt.gz')
    merges = gzip.open(source).read().decode().split('\n')[1:401]
    symbols = list(bytes_to_unicode().values())
    symbols += [symbol + '</w>' for symbol in symbols] + [merge.replace(' ', '') for merge in merges]
    write(folder, 'vocab.json', {symbol: k for k, symbol in enumerate([*symbols, '<|startoftext|>', '<|endoftext|>'])})
    with open(os.path.join(folder, 'merges.txt'), 'w') as file:
        file.write('#version: 0.2\n' + '\n'.join(merges) + '\n')
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = 77
    with tempfile.TemporaryDirectory() as saved:
        tokenizer.save_pretrained(saved)
        for name in ['tokenizer.json', 'tokenizer_config.json']:
            with open(os.path.join(saved, name)) as file:
                write(folder, name, json.load(file))


def make_siglip(folder):
    """A unigram model with a table of replacements: spiece.model, and tokenizer.json as transformers 4 converts it."""
    import sentencepiece
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers.convert_slow_tokenizer import import_protobuf
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        with open(f'{work}/text', 'w') as file:
            file.write('\n'.join(corpus()))
        with open(f'{work}/rules', 'w') as file:
            for rule in RULES.items():
                file.write('\t'.join(' '.join(f'{ord(c):X}' for c in text) for text in rule) + '\n')
        sentencepiece.SentencePieceTrainer.train(
            input=f'{work}/text', model_prefix=f'{work}/spiece', vocab_size=900, model_type='unigram', pad_id=0, eos_id=1, unk_id=2,
            bos_id=-1, character_coverage=0.98, hard_vocab_limit=False, minloglevel=2, normalization_rule_tsv=f'{work}/rules')
        os.replace(f'{work}/spiece.model', f'{folder}/spiece.model')
    with open(f'{folder}/spiece.model', 'rb') as file:
        proto = import_protobuf().ModelProto.FromString(file.read())
    # Neither the path of the corpus nor the rules as text are needed to read the model.
    proto.trainer_spec.ClearField('input')
    proto.trainer_spec.ClearField('model_prefix')
    with open(f'{folder}/spiece.model', 'wb') as file:
        file.write(proto.SerializeToString(deterministic=True))
    tokenizer = Tokenizer(models.Unigram([(piece.piece, piece.score) for piece in proto.pieces], unk_id=2, byte_fallback=False))
    replace = lambda pattern, content: normalizers.Replace(Regex(pattern), content)
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Lowercase(), replace(PUNCTUATION, ''), replace(r'\s+', ' '), normalizers.Strip(),
        normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
        normalizers.Strip(left=False, right=True), replace(' {2,}', '▁')])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme='always')
    tokenizer.decoder = decoders.Metaspace(prepend_scheme='always')
    tokenizer.post_processor = processors.TemplateProcessing(single=['$A', '</s>'], special_tokens=[('</s>', 1)])
    tokenizer.add_special_tokens([AddedToken(token, lstrip=True, rstrip=True, normalized=False) for token in ['</s>', '<unk>']])
    write(folder, 'tokenizer.json', json.loads(tokenizer.to_str()))
    write(folder, 'tokenizer_config.json', {'tokenizer_class': 'SiglipTokenizer', 'model_max_length': 64, 'do_lower_case': True,
                                            'eos_token': '</s>', 'pad_token': '</s>', 'unk_token': '<unk>'})


def make_siglip2(folder):
    """Gemma's structure: byte pairs over a text whose spaces are ▁, bytes for what is not in the vocabulary."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    tokenizer = Tokenizer(models.BPE(unk_token='<unk>', fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(' ', '▁')
    # Only for training, so that no token spans words.
    tokenizer.pre_tokenizer = pre_tokenizers.Split('▁', 'merged_with_next')
    special = ['<pad>', '<eos>', '<bos>', '<unk>', '<mask>', '<unused0>', '<unused1>']
    runs = ['\n', '\n\n', '▁▁', '▁▁▁']
    trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=[*special, *runs, *(f'<0x{byte:02X}>' for byte in range(256))],
                                  limit_alphabet=200, show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    content = json.loads(tokenizer.to_str())
    content['added_tokens'] = [{**token, 'special': token['content'] in special, 'normalized': False}
                               for token in content['added_tokens'] if token['content'] in special + runs]
    content['pre_tokenizer'] = {'type': 'Split', 'pattern': {'String': ' '}, 'behavior': 'MergedWithPrevious', 'invert': False}
    content['decoder'] = {'type': 'Sequence', 'decoders': [
        {'type': 'Replace', 'pattern': {'String': '▁'}, 'content': ' '}, {'type': 'ByteFallback'}, {'type': 'Fuse'}]}
    content['post_processor'] = {
        'type': 'TemplateProcessing',
        'single': [{'SpecialToken': {'id': '<bos>', 'type_id': 0}}, {'Sequence': {'id': 'A', 'type_id': 0}}],
        'pair': [{'Sequence': {'id': 'A', 'type_id': 0}}, {'Sequence': {'id': 'B', 'type_id': 1}}],
        'special_tokens': {'<bos>': {'id': '<bos>', 'ids': [2], 'tokens': ['<bos>']}}}
    write(folder, 'tokenizer.json', content)
    write(folder, 'tokenizer_config.json', {
        'tokenizer_class': 'GemmaTokenizer', 'model_max_length': 64, 'add_bos_token': False, 'add_eos_token': True,
        'padding_side': 'right', 'bos_token': '<bos>', 'eos_token': '<eos>', 'pad_token': '<pad>', 'unk_token': '<unk>'})
    write(folder, 'config.json', {'model_type': 'siglip2'})


def encode(folder, name, texts):
    """Ids with the tokens around a text, and the text of these ids without special tokens."""
    if name is None:
        from tokenizers import Tokenizer
        tokenizer = Tokenizer.from_file(os.path.join(folder, 'tokenizer.json'))
        ids = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
        return ids, [tokenizer.decode(row) for row in ids]
    import transformers
    transformers.logging.set_verbosity_error()
    tokenizer = getattr(transformers, name).from_pretrained(folder)
    ids = [tokenizer(text)['input_ids'] for text in texts]
    return ids, [tokenizer.decode(row, skip_special_tokens=True) for row in ids]


def main():
    if sys.argv[1] == '--encode':
        request = json.load(sys.stdin)
        ids, decoded = encode(request['folder'], request['class'], request['texts'])
        json.dump({'ids': ids, 'decoded': decoded}, sys.stdout)
        return
    out = sys.argv[1]
    makers = {'clip': (make_clip, 'CLIPTokenizer'), 'siglip': (make_siglip, 'SiglipTokenizer'), 'siglip2': (make_siglip2, 'Siglip2Tokenizer')}
    for name, (make, class_name) in makers.items():
        folder = os.path.join(out, name)
        make(folder)
        recorded = {}
        for key in [None, class_name]:
            ids, decoded = encode(folder, key, HARD)
            recorded[key or 'tokenizer.json'] = [[text, ' '.join(map(str, row)), back] for text, row, back in zip(HARD, ids, decoded)]
        write(folder, 'recorded.json', recorded)


main()
