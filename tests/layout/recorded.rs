//! The facts on record under `tests/data/abi`, which came out of a C compiler.

/// Which headers define a thing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Headers {
    Public,
    /// Those that need `Py_BUILD_CORE`.
    Internal,
}

pub struct Struct {
    pub name: &'static str,
    /// How C code spells the type.
    pub c_type: &'static str,
    pub headers: Headers,
    pub size: usize,
    pub fields: Vec<(&'static str, usize)>,
}

pub struct Constant {
    pub name: &'static str,
    pub headers: Headers,
    pub value: i128,
}

fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<_> = line.split('\t').collect();
            columns
                .try_into()
                .unwrap_or_else(|_| panic!("malformed row: {line}"))
        })
}

fn headers(column: &str) -> Headers {
    match column {
        "public" => Headers::Public,
        "internal" => Headers::Internal,
        other => panic!("unknown headers: {other}"),
    }
}

pub fn structs() -> Vec<Struct> {
    rows(include_str!("../data/abi/structs.tsv"))
        .map(|[name, c_type, scope, size, fields]| Struct {
            name,
            c_type,
            headers: headers(scope),
            size: size.parse().unwrap(),
            fields: fields
                .split(' ')
                .map(|field| field.split_once('=').unwrap())
                .map(|(field, offset)| (field, offset.parse().unwrap()))
                .collect(),
        })
        .collect()
}

pub fn constants() -> Vec<Constant> {
    rows(include_str!("../data/abi/constants.tsv"))
        .map(|[name, scope, value]| Constant {
            name,
            headers: headers(scope),
            value: value.parse().unwrap(),
        })
        .collect()
}

/// Bit-fields as `struct.field.bits` and the mask they take in their word.
pub fn bit_fields() -> Vec<(&'static str, u32)> {
    rows(include_str!("../data/abi/bit_fields.tsv"))
        .map(|[name, mask]| (name, mask.parse().unwrap()))
        .collect()
}
