"""lxml at work: parsing, trees, XPath, XSLT, schemas, errors, incremental parsing, subclassed elements."""

import copy
import io
import pickle
import traceback

from lxml import builder, etree, html, objectify, sax

SOURCE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE library [<!ENTITY who "Ann &#233;">]>
<library xmlns="urn:lib" xmlns:x="urn:extra" x:state="open">
  <!-- a comment --><?keep this?>
  <book id="b1" year="1999"><title lang="en">First</title><author>&who;</author><price>12.50</price></book>
  <book id="b2" year="2007"><title lang="fr">Deuxième</title><author>Bob</author><price>7</price></book>
  <book id="b3" year="2021"><title lang="en">Third</title><author>Cem</author><price>31.25</price></book>
</library>
"""
NS = {"l": "urn:lib", "x": "urn:extra"}


def attempt(name, call):
    try:
        print(name, "gives", call())
    except Exception as error:
        print(name, "raises", type(error).__mro__[0:2], str(error))


root = etree.fromstring(SOURCE.encode())
print(root.tag, dict(root.attrib), len(root), root.nsmap)
for child in root:
    print(child.tag if isinstance(child.tag, str) else child.tag.__name__, child.sourceline, child.text, dict(child.attrib))

# XPath: nodes, strings, numbers, booleans, variables, functions of our own
print([b.get("id") for b in root.xpath("l:book[l:price > $most]", namespaces=NS, most=10)])
print(root.xpath("sum(//l:price)", namespaces=NS), root.xpath("count(//l:book) = 3", namespaces=NS))
titles = root.xpath("//l:title/text()", namespaces=NS)
print(titles, [t.getparent().tag for t in titles], [t.is_text for t in titles], type(titles[0]).__name__)
find = etree.XPath("//l:book[@year < $y]/@id", namespaces=NS)
print(find(root, y=2000), find(root, y=2010), find.path)


def shout(context, nodes, mark):
    print("  in", context.context_node.tag, "with", len(nodes))
    return "".join(n.text.upper() for n in nodes) + mark


functions = etree.FunctionNamespace("urn:functions")
functions["shout"] = shout
functions["bad"] = lambda context: 1 / 0
print(root.xpath("f:shout(//l:author, '!')", namespaces={**NS, "f": "urn:functions"}))
attempt("a failing function", lambda: root.xpath("f:bad()", namespaces={"f": "urn:functions"}))
attempt("no XPath", lambda: root.xpath("//["))
attempt("no prefix", lambda: root.xpath("//unknown:x"))

# Changing trees
book = root.find("l:book[@id='b2']", NS)
book.set("year", "2008")
book.insert(0, etree.SubElement(book, "{urn:extra}note", kind="new"))
book[0].text, book[0].tail = "<&>", "\n"
copied = copy.deepcopy(book)
copied.set("id", "b4")
root.append(copied)
print([b.get("id") for b in root.iterchildren("{urn:lib}book")], book.getnext().get("id"), book.getprevious().get("id"))
root.remove(root[-2])
print(etree.tostring(root, encoding="unicode", with_tail=False))
print(etree.tostring(root, method="text", encoding="unicode").split())
print(etree.tostring(root, method="c14n").decode()[:80])
print([(e.tag.rpartition("}")[2], event) for event, e in etree.iterwalk(book, events=("start", "end"))])
attempt("a bad tag", lambda: etree.SubElement(root, "a b"))
attempt("a control character", lambda: setattr(root, "text", "\x00"))
attempt("beyond the end", lambda: root[99])
tree = root.getroottree()
print(tree.getpath(book), tree.docinfo.encoding, tree.docinfo.root_name, tree.docinfo.doctype)
print([root.index(e) for e in root[1:3]], [e.get("id") for e in root[-1:0:-1]])

# XSLT with parameters, extension elements, messages
STYLE = """<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:l="urn:lib"
    xmlns:e="urn:elements" extension-element-prefixes="e" exclude-result-prefixes="l">
  <xsl:param name="from" select="0"/>
  <xsl:template match="/l:library"><html><xsl:apply-templates select="l:book[@year >= $from]">
      <xsl:sort select="@year" order="descending"/></xsl:apply-templates></html></xsl:template>
  <xsl:template match="l:book"><p class="{@id}"><xsl:value-of select="l:title"/><e:stamp/></p>
    <xsl:message>saw <xsl:value-of select="@id"/></xsl:message></xsl:template>
</xsl:stylesheet>"""


class Stamp(etree.XSLTExtension):
    def execute(self, context, self_node, input_node, output_parent):
        stamp = etree.Element("b")
        stamp.text = input_node.get("year")
        output_parent.append(stamp)


transform = etree.XSLT(etree.XML(STYLE), extensions={("urn:elements", "stamp"): Stamp()})
for start in (0, 2005):
    result = transform(root, **{"from": str(start)})
    print(str(result))
print([entry.message for entry in transform.error_log])
attempt("a bad parameter", lambda: transform(root, **{"from": "'"}))
attempt("no stylesheet", lambda: etree.XSLT(etree.XML("<x/>")))

# Errors carry the parser's log
for text in ("<a><b></a>", "<a b=1/>", "", "<a>&nothing;</a>"):
    try:
        etree.fromstring(text)
    except etree.XMLSyntaxError as error:
        print(type(error).__name__, error, error.position, error.lineno, [e.type_name for e in error.error_log])
lenient = etree.XMLParser(recover=True)
print(etree.tostring(etree.fromstring("<a><b>1</a>", lenient)), len(lenient.error_log))

# Validation
SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="n" type="xs:integer"/></xs:schema>"""
schema = etree.XMLSchema(etree.XML(SCHEMA))
print(schema.validate(etree.XML("<n>12</n>")), schema.validate(etree.XML("<n>x</n>")), schema.error_log.last_error.message)
attempt("assertValid", lambda: schema.assertValid(etree.XML("<n>x</n>")))
relax = etree.RelaxNG(etree.XML('<element name="a" xmlns="http://relaxng.org/ns/structure/1.0"><text/></element>'))
print(relax(etree.XML("<a>1</a>")), relax(etree.XML("<a><b/></a>")))

# Incremental and event-driven parsing, with targets in Python
for event, element in etree.iterparse(io.BytesIO(SOURCE.encode()), events=("end",), tag="{urn:lib}book"):
    print(event, element.get("id"), element.findtext("l:title", namespaces=NS))
    element.clear()
pull = etree.XMLPullParser(events=("start", "end"))
for piece in ("<r><i", ">1</i><i>", "2</i></r>"):
    pull.feed(piece)
    print([(event, element.tag, element.text) for event, element in pull.read_events()])


class Target:
    def __init__(self):
        self.seen = []

    def start(self, tag, attributes):
        self.seen.append(("start", tag, dict(attributes)))

    def end(self, tag):
        self.seen.append(("end", tag))

    def data(self, data):
        self.seen.append(("data", data))

    def close(self):
        return self.seen


print(etree.fromstring("<a x='1'>t<b/>u</a>", etree.XMLParser(target=Target())))


class Failing(Target):
    def data(self, data):
        raise LookupError(data)


attempt("a failing target", lambda: etree.fromstring("<a>t</a>", etree.XMLParser(target=Failing())))


class Resolver(etree.Resolver):
    def resolve(self, url, public, context):
        return self.resolve_string(f"<!ENTITY e 'from {url}'>", context)


parser = etree.XMLParser(load_dtd=True, resolve_entities=True)
parser.resolvers.add(Resolver())
print(etree.fromstring("<!DOCTYPE a SYSTEM 'mem:x.dtd'><a>&e;</a>", parser).text)

# Classes of our own for elements
class Book(etree.ElementBase):
    @property
    def year(self):
        return int(self.get("year"))

    def _init(self):
        self.set("touched", "yes")


lookup = etree.ElementNamespaceClassLookup()
lookup.get_namespace("urn:lib")["book"] = Book
parser = etree.XMLParser()
parser.set_element_class_lookup(lookup)
books = etree.fromstring(SOURCE.encode(), parser).findall("{urn:lib}book")
print([(type(b).__name__, b.year, b.get("touched")) for b in books])

# Trees go with their last element
import gc
import weakref

alone = etree.fromstring("<a><b><c>deep</c></b></a>")[0][0]
gc.collect()
print(alone.text, alone.getparent().tag, alone.getroottree().getroot().tag)

# HTML, builders, objects, SAX
page = html.fromstring("<div class='a b'><p>One<p>Two <a href='/x?q=1&r=2'>link</a></div>")
page.make_links_absolute("http://example.org/base/")
print(html.tostring(page).decode(), [l[2] for l in page.iterlinks()], sorted(page.classes))
E_ = builder.ElementMaker(namespace="urn:made", nsmap={"m": "urn:made"})
print(etree.tostring(E_.top(E_.one("1", a="b"), E_.two(E_.three()), "tail")).decode())
thing = objectify.fromstring("<o><n>3</n><f>1.5</f><s>text</s><b>true</b><n>4</n></o>")
print(thing.n + 1, thing.f * 2, thing.s, thing.b, [int(n) for n in thing.n], objectify.dump(thing).splitlines()[1])
print(objectify.dump(pickle.loads(pickle.dumps(thing))) == objectify.dump(thing))
handler = sax.ElementTreeContentHandler()
sax.saxify(etree.XML("<a><b>c</b></a>"), handler)
print(etree.tostring(handler.etree))

# A traceback leads through Cython's source files
try:
    etree.fromstring("<a>")
except etree.XMLSyntaxError as error:
    frames = traceback.extract_tb(error.__traceback__)
    print([(f.name, f.filename.rpartition("/")[2], f.lineno > 0) for f in frames][:4])

with etree.xmlfile(io.BytesIO(), encoding="utf-8") as xf:
    with xf.element("root", {"a": "1"}):
        xf.write(etree.Element("child"))
out = io.BytesIO()
with etree.xmlfile(out) as xf:
    with xf.element("root"):
        for i in range(3):
            xf.write(etree.Element("c", n=str(i)))
print(out.getvalue())
for name in ("_Element", "_ElementTree", "XPath", "_Comment"):
    print(name, getattr(etree, name).__mro__)
