"""tiktoken at work, with an encoding made here: encoding, decoding, special tokens, batches, errors."""

import pickle

import tiktoken
from tiktoken._educational import bpe_encode, bpe_train

TEXT = """the cat sat on the mat, and the other cat sat on the other mat; 12345 numbers, naïve café, 日本語 text 😀 the end\n""" * 3
PATTERN = r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"""


def attempt(name, call):
    try:
        print(name, "gives", call())
    except BaseException as error:
        kinds = [k.__name__ for k in type(error).__mro__]
        print(name, "raises", "PanicException" if "PanicException" in kinds else kinds[0], str(error)[:70])


ranks = bpe_train(TEXT, 300, PATTERN, visualise=None)
print(len(ranks), sorted(ranks, key=ranks.get)[256:266])
special = {"<|end|>": 300, "<|start|>": 301}
encoding = tiktoken.Encoding("tiny", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens=special, explicit_n_vocab=302)
print(encoding, encoding.n_vocab, encoding.max_token_value)

for text in ("", "the cat", "the cat sat on the mat", "naïve café", "日本語", "😀", "unseen words: zyx", " \n\t ", "\u0301"):
    tokens = encoding.encode(text)
    print(tokens, encoding.decode(tokens) == text, [encoding.decode_single_token_bytes(t) for t in tokens][:6])
    assert tokens == encoding.encode_ordinary(text)
print([bpe_encode(ranks, word.encode(), visualise=None) for word in ("the", " other", " cat")])

marked = "<|start|>the cat<|end|>"
print(encoding.encode(marked, allowed_special="all"), encoding.encode(marked, allowed_special={"<|start|>"}, disallowed_special=()))
print(encoding.encode(marked, disallowed_special=()) == encoding.encode_ordinary(marked), encoding.special_tokens_set == set(special))
attempt("a special token", lambda: encoding.encode(marked))
print(encoding.decode(encoding.encode(marked, allowed_special="all")), encoding.encode_single_token("<|end|>"), encoding.encode_single_token(b"the"))
attempt("no single token", lambda: encoding.encode_single_token("the cat sat"))
attempt("an unknown token", lambda: encoding.decode([5000]))
attempt("no token", lambda: encoding.decode(["x"]))
attempt("a negative token", lambda: encoding.decode([-1]))
attempt("no text", lambda: encoding.encode(5))
attempt("a lone surrogate", lambda: encoding.decode(encoding.encode("a\ud800b")))
print(encoding.decode_with_offsets(encoding.encode("the café 😀")), encoding.decode_tokens_bytes(encoding.encode("a café")))
print(encoding.decode(encoding.encode("😀")[:2]), encoding.decode_bytes(encoding.encode("😀")[:2]))
attempt("strict", lambda: encoding.decode(encoding.encode("😀")[:2], errors="strict"))
batch = [TEXT, "", "the cat", TEXT[::-1]] * 5
print([len(t) for t in encoding.encode_batch(batch, num_threads=4)], encoding.decode_batch(encoding.encode_batch(batch)) == batch)
print(encoding.encode_ordinary_batch(batch) == [encoding.encode_ordinary(t) for t in batch])
stable, completions = encoding.encode_with_unstable("the cat sat on the oth")
print(stable, sorted(completions)[:5], len(completions))
print(encoding.token_byte_values()[:3], len(encoding.token_byte_values()), encoding.is_special_token(300))
again = pickle.loads(pickle.dumps(encoding))
print(again.encode(TEXT) == encoding.encode(TEXT), len(encoding.encode(TEXT * 200)))
attempt("two tokens of one rank", lambda: tiktoken.Encoding("bad", pat_str=PATTERN, mergeable_ranks={b"a": 0, b"b": 0}, special_tokens={}))
attempt("a bad pattern", lambda: tiktoken.Encoding("bad", pat_str="(", mergeable_ranks=ranks, special_tokens={}))
attempt("ranks that are no numbers", lambda: tiktoken.Encoding("bad", pat_str=PATTERN, mergeable_ranks={b"a": "x"}, special_tokens={}))
