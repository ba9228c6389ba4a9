"""compile() of an AST makes U+FFFD of lone surrogates in strings; pytest rewrites test modules so."""

import ast

tree = ast.parse(r"'\udc7f'", mode="eval")
assert ascii(tree.body.value) == r"'\udc7f'", "the AST itself has it"
assert ascii(eval(compile(tree, "tree", "eval"))) == r"'\udc7f'", "lost by compile()"
