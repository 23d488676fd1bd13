"""Protobuf without a compiler: our own .proto files read as tables, messages as dicts."""
import pathlib
import re
import struct

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
TOKEN = re.compile(r'"[^"]*"|[A-Za-z_][\w.]*|-?\d[\w.]*|[{}=;\[\],<>]')
VARINTS = {"int32", "int64", "uint32", "uint64", "bool"}


class Schema:
    """Messages by full name: {field number: (name, type, is_repeated)}; enums: {name: number}."""

    def __init__(self, *files):
        self.messages, self.enums = {}, {}
        for file in files:
            text = re.sub(r"//[^\n]*", "", (PROTO / file).read_text())
            self.tokens = TOKEN.findall(text)
            self.at = 0
            self.parse_file()

    def next(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def parse_file(self):
        package = ""
        while self.at < len(self.tokens):
            word = self.next()
            if word == "package":
                package = self.next()
            elif word == "message":
                self.parse_message(package)
            elif word == "enum":
                self.parse_enum(package)
            elif word != ";":
                self.skip_statement()

    def skip_statement(self):
        while self.next() != ";":
            pass

    def parse_message(self, scope):
        full = f"{scope}.{self.next()}"
        self.messages[full] = {}
        assert self.next() == "{"
        self.parse_body(full)

    def parse_body(self, full):
        while (word := self.next()) != "}":
            if word == "message":
                self.parse_message(full)
            elif word == "enum":
                self.parse_enum(full)
            elif word == "oneof":
                self.at += 2
                self.parse_body(full)
            elif word == "reserved":
                self.skip_statement()
            elif word != ";":
                is_labelled = word in ("optional", "required", "repeated")
                kind, name = self.next() if is_labelled else word, self.next()
                assert self.next() == "="
                self.messages[full][int(self.next())] = (name, kind, word == "repeated")
                self.skip_statement()

    def parse_enum(self, scope):
        values = self.enums[f"{scope}.{self.next()}"] = {}
        assert self.next() == "{"
        while (word := self.next()) != "}":
            assert self.next() == "="
            values[word] = int(self.next())
            self.skip_statement()

    def resolve(self, scope, kind):
        """A type's full name as seen from the message SCOPE."""
        while True:
            name = f"{scope}.{kind}" if scope else kind
            if name in self.messages or name in self.enums:
                return name
            if not scope:
                return kind
            scope = scope.rpartition(".")[0]

    # ---- to bytes ----

    def encode(self, full, value):
        by_name = {name: (number, kind, repeated) for number, (name, kind, repeated) in self.messages[full].items()}
        out = b""
        for name, item in value.items():
            number, kind, repeated = by_name[name]
            for one in item if repeated else [item]:
                out += self.encode_field(number, self.resolve(full, kind), one)
        return out

    def encode_field(self, number, kind, value):
        if kind in self.enums:
            return varint(number << 3) + varint(self.enums[kind][value])
        if kind in VARINTS:
            return varint(number << 3) + varint(int(value) & (1 << 64) - 1)
        if kind == "double":
            return varint(number << 3 | 1) + struct.pack("<d", value)
        if kind == "float":
            return varint(number << 3 | 5) + struct.pack("<f", value)
        data = self.encode(kind, value) if kind in self.messages else \
            value.encode() if isinstance(value, str) else value
        return varint(number << 3 | 2) + varint(len(data)) + data

    # ---- from bytes ----

    def decode(self, full, data):
        ret, at = {}, 0
        while at < len(data):
            key, at = read_varint(data, at)
            if key & 7 == 0:
                raw, at = read_varint(data, at)
            elif key & 7 == 1:
                raw, at = struct.unpack_from("<d", data, at)[0], at + 8
            elif key & 7 == 5:
                raw, at = struct.unpack_from("<f", data, at)[0], at + 4
            else:
                size, at = read_varint(data, at)
                raw, at = data[at:at + size], at + size
            if key >> 3 not in self.messages[full]:
                continue
            name, kind, repeated = self.messages[full][key >> 3]
            value = self.decode_value(self.resolve(full, kind), raw)
            if repeated:
                ret.setdefault(name, []).append(value)
            else:
                ret[name] = value
        return ret

    def decode_value(self, kind, raw):
        if kind in self.enums:
            return {number: name for name, number in self.enums[kind].items()}.get(raw, raw)
        if kind in self.messages:
            return self.decode(kind, raw)
        if kind == "string":
            return raw.decode()
        if kind == "bool":
            return bool(raw)
        if kind in ("int32", "int64") and raw >= 1 << 63:
            return raw - (1 << 64)
        return raw


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
