//! Files that are wrong, each refused with the place where it shows; and files that only look wrong.

use std::io::Write;

use descent::data::{ColumnKind, DataError, Hint, Limits};

use crate::{ingest, ingest_in_pieces};

fn refused(bytes: &[u8]) -> DataError {
    let whole = ingest(bytes)
        .map(|_| ())
        .expect_err("the file should be refused");
    let by_the_byte = ingest_in_pieces(bytes, 1, Limits::default(), Hint::default())
        .map(|_| ())
        .unwrap_err();
    assert_eq!(
        whole, by_the_byte,
        "the error depends on how the bytes arrive"
    );
    whole
}

/// Line and column (from 1), with the name of the column.
fn place(error: &DataError) -> (Option<u64>, Option<(usize, Option<&str>)>) {
    (
        error.line,
        error
            .column
            .as_ref()
            .map(|column| (column.number, column.name.as_deref())),
    )
}

#[test]
fn ragged_rows_name_their_line_and_column() {
    let short = refused(b"a,b,c\n1,2,3\n4,5\n6,7,8\n");
    assert_eq!(
        (short.code, place(&short)),
        ("ragged_row", (Some(3), Some((3, Some("c")))))
    );
    assert_eq!(
        short.message,
        "line 3 has 2 fields, but the table has 3 columns"
    );
    let long = refused(b"a,b,c\n1,2,3\n4,5,6,7\n");
    assert_eq!((long.code, long.line), ("ragged_row", Some(3)));
    assert!(long.message.contains("4 fields"), "{long}");
    let after_newlines = refused(b"a,b\n\"x\ny\",2\n\n3\n");
    assert_eq!(after_newlines.line, Some(5));
}

#[test]
fn nothing_and_almost_nothing() {
    for empty in [&b""[..], b"\n\n", b"  \r\n", b"\xEF\xBB\xBF"] {
        assert_eq!(refused(empty).code, "empty_file", "{empty:?}");
    }
    let header = refused(b"name,age\n");
    assert_eq!((header.code, header.line), ("only_header", Some(1)));
    assert_eq!(refused(b"name,age").code, "only_header");
    assert_eq!(refused(b"name,age\n\n\n").code, "only_header");
}

#[test]
fn a_column_name_twice() {
    let error = refused(b"id,age,id\n1,2,3\n");
    assert_eq!(
        (error.code, place(&error)),
        ("duplicate_column", (Some(1), Some((3, Some("id")))))
    );
    assert!(error.message.contains("columns 1 and 3"), "{error}");
}

#[test]
fn a_field_that_is_too_long() {
    let mut file = b"a,b\n1,2\n3,".to_vec();
    file.extend(std::iter::repeat_n(b'x', (64 << 10) + 1));
    file.extend(b"\n5,6\n");
    let error = refused(&file);
    assert_eq!(
        (error.code, place(&error)),
        ("field_too_long", (Some(3), Some((2, Some("b")))))
    );
    let fits: Vec<u8> = [b"a,b\n1,2\n3,", &vec![b'x'; 64 << 10][..], b"\n"].concat();
    assert!(ingest(&fits).is_ok());
}

#[test]
fn a_quote_that_never_closes_in_a_long_file() {
    let mut file = b"a,b\n".to_vec();
    for i in 0..200_000 {
        let _ = if i == 150_000 {
            writeln!(file, "{i},\"oops")
        } else {
            writeln!(file, "{i},fine")
        };
    }
    let error = refused_quickly(&file);
    assert_eq!(
        (error.code, place(&error)),
        ("field_too_long", (Some(150_002), Some((2, Some("b")))))
    );
}

/// As [`refused`], in pieces of 4 KiB: a byte at a time takes too long for big files.
fn refused_quickly(bytes: &[u8]) -> DataError {
    let whole = ingest(bytes)
        .map(|_| ())
        .expect_err("the file should be refused");
    let pieces = ingest_in_pieces(
        bytes,
        4096,
        Limits {
            n_threads: 1,
            ..Limits::default()
        },
        Hint::default(),
    );
    assert_eq!(Some(&whole), pieces.err().as_ref());
    whole
}

#[test]
fn too_many_columns() {
    let row = |n: usize| vec!["1"; n].join(",") + "\n";
    let names = |n: usize| {
        (0..n)
            .map(|i| format!("c{i}"))
            .collect::<Vec<_>>()
            .join(",")
            + "\n"
    };
    let fits = [names(10_000), row(10_000), row(10_000)].concat();
    assert_eq!(ingest(fits.as_bytes()).unwrap().columns.len(), 10_000);
    let error = refused([names(10_001), row(10_001)].concat().as_bytes());
    assert_eq!((error.code, error.line), ("too_many_columns", Some(1)));
    assert!(error.message.contains("10001"), "{error}");
}

#[test]
fn a_header_longer_than_a_block() {
    let names = (0..9_000)
        .map(|i| format!("{i}-{}", "long name ".repeat(20)))
        .collect::<Vec<_>>()
        .join(",");
    let file = [
        names,
        vec!["1"; 9_000].join(","),
        vec!["2"; 9_000].join(","),
    ]
    .join("\n");
    let ingested = ingest(file.as_bytes()).unwrap();
    assert_eq!((ingested.columns.len(), ingested.n_rows), (9_000, 2));
    assert_eq!(
        ingest(&vec![b'x'; 20 << 20]).unwrap_err().code,
        "field_too_long"
    );
    assert_eq!(
        ingest(&b"x,".repeat(10 << 20)).unwrap_err().code,
        "record_too_long"
    );
}

#[test]
fn a_nul_byte() {
    let header = refused(b"a,b\0\n1,2\n");
    assert_eq!(
        (header.code, place(&header)),
        ("nul_byte", (Some(1), Some((2, None))))
    );
    let error = refused(b"a,b\n1,2\n3,x\0y\n");
    assert_eq!(
        (error.code, place(&error)),
        ("nul_byte", (Some(3), Some((2, Some("b")))))
    );
    assert_eq!(error.byte_offset, Some(11));
}

#[test]
fn quotes_gone_wrong() {
    let open = refused(b"a,b\n1,2\n3,\"x\n4,5\n");
    assert_eq!(
        (open.code, place(&open)),
        ("unterminated_quote", (Some(3), Some((2, Some("b")))))
    );
    let after = refused(b"a,b\n1,\"x\"y\n");
    assert_eq!(
        (after.code, place(&after)),
        ("text_after_quote", (Some(2), Some((2, Some("b")))))
    );
}

#[test]
fn a_gzip_file_that_ends_early_or_explodes() {
    let pack = |bytes: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    };
    let good = pack(b"a,b\n1,2\n3,4\n");
    assert_eq!(ingest(&good).unwrap().n_rows, 2);
    for cut in [3, 12, good.len() - 1] {
        assert_eq!(
            refused(&good[..cut]).code,
            "truncated_gzip",
            "cut to {cut} bytes"
        );
    }
    let nested = refused(&pack(&good));
    assert_eq!(nested.code, "nested_gzip");
    assert!(nested.message.contains("unpack it once"), "{nested:?}");
    let mut damaged = good.clone();
    damaged[12] ^= 0xFF;
    assert!(["damaged_gzip", "truncated_gzip"].contains(&refused(&damaged).code));
    let bomb = pack(&[b"a,b\n".to_vec(), b"1,2\n".repeat(30 << 18)].concat());
    assert_eq!(refused_quickly(&bomb).code, "unpack_ratio");
    assert_eq!(
        ingest(&[good.clone(), pack(b"5,6\n")].concat())
            .unwrap()
            .n_rows,
        3,
        "two members are one file"
    );
}

#[test]
fn other_encodings_are_named_with_the_byte() {
    let korean = [
        b"name,n\n".to_vec(),
        vec![0xB1, 0xE2, 0xB0, 0xA3, 0xC2, 0xF7, 0xC1, 0xBE],
        b",1\n".to_vec(),
    ]
    .concat();
    let error = refused(&korean);
    assert_eq!(
        (error.code, error.byte_offset),
        ("unsupported_encoding", Some(7))
    );
    assert!(error.message.contains("euc-kr"), "{error}");
    let latin = refused(b"name,n\ncaf\xE9,1\n");
    assert_eq!(latin.byte_offset, Some(10));
    assert!(latin.message.contains("latin-1"), "{latin}");
    let utf16: Vec<u8> = [0xFF, 0xFE]
        .into_iter()
        .chain("a,b\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    assert!(refused(&utf16).message.contains("utf-16le"));
    let mut late = b"name,n\n".to_vec();
    for i in 0..300_000 {
        let _ = writeln!(late, "plain,{i}");
    }
    let offset = late.len() as u64 + 3;
    late.extend(b"caf\xE9,1\n");
    let error = refused_quickly(&late);
    assert_eq!(
        (error.byte_offset, error.line),
        (Some(offset), Some(300_002))
    );
}

#[test]
fn the_first_mistake_is_the_one_reported() {
    let mut file = b"a,b\n".to_vec();
    for i in 0..400_000 {
        let _ = match i {
            120_000 | 390_000 => writeln!(file, "{i}"),
            300_000 => writeln!(file, "{i},\0"),
            _ => writeln!(file, "{i},2"),
        };
    }
    let error = refused_quickly(&file);
    assert_eq!((error.code, error.line), ("ragged_row", Some(120_002)));
}

#[test]
fn a_target_must_vary() {
    let ingested = ingest(b"x,y\n1,a\n2,a\n3,\n").unwrap();
    let error = ingested.check_target("y").unwrap_err();
    assert_eq!(
        (error.code, place(&error)),
        ("one_class_target", (None, Some((2, Some("y")))))
    );
    assert!(ingested.check_target("x").is_ok());
    assert!(
        ingested
            .check_target("yy")
            .unwrap_err()
            .message
            .contains("nearest name is \"y\"")
    );
}

#[test]
fn delimiters_quotes_and_line_ends_as_found_in_the_wild() {
    for (file, delimiter, n_columns, n_rows) in [
        (&b"a;b;c\n1;2,5;x\n3;4,5;y\n"[..], ';', 3, 2),
        (b"a\tb\n1\tx y\n2\tz, w\n", '\t', 2, 2),
        (b"a|b\r\n1|2\r\n3|4", '|', 2, 2),
        (
            b"\"a\",\"b\"\n\"1\",\"x, \"\"y\"\"\"\n\"2\",\"line\nbreak\"\n",
            ',',
            2,
            2,
        ),
        (b"a, b\n1, \"x, y\"\n2, z\n", ',', 2, 2),
        (b"only\n1\n2\n\n3\n\n", ',', 1, 3),
        (b"size\n5\" pipe\n6\" pipe\n", ',', 1, 2),
    ] {
        let shown = String::from_utf8_lossy(file);
        for piece in [1, 3, 1000] {
            let ingested = ingest_in_pieces(file, piece, Limits::default(), Hint::default());
            let ingested = ingested.unwrap_or_else(|error| panic!("{shown}: {error}"));
            assert_eq!(ingested.format.delimiter, delimiter, "{shown}");
            assert_eq!(
                (ingested.columns.len(), ingested.n_rows),
                (n_columns, n_rows),
                "{shown}"
            );
            assert!(
                ingested.format.header,
                "{shown}: {}",
                ingested.format.header_why
            );
        }
    }
}

#[test]
fn cells_that_do_not_fit_are_shown_with_their_lines() {
    let mut file = b"age,when\n".to_vec();
    for i in 0..100 {
        let _ = match i {
            7 => writeln!(file, "unknown,2024-01-01"),
            50 => writeln!(file, "{i},soon"),
            _ => writeln!(file, "{i},2024-01-{:02}", i % 28 + 1),
        };
    }
    let ingested = ingest(&file).unwrap();
    let (age, when) = (&ingested.columns[0], &ingested.columns[1]);
    assert_eq!(
        (age.kind, age.n_bad, age.bad_cells[0].line),
        (ColumnKind::Integer, 1, 9)
    );
    assert_eq!(
        (when.kind, when.n_bad, when.bad_cells[0].line),
        (ColumnKind::Timestamp, 1, 52)
    );
    assert_eq!(when.bad_cells[0].value, "soon");
    assert!(age.why.contains("1 is no number"), "{}", age.why);
}

#[test]
fn a_kind_set_by_the_owner_is_checked_cell_by_cell() {
    let file = b"code,x\n1,10\n2,20\nx,30\n2,oops\n";
    let kinds = vec![
        ("code".to_owned(), ColumnKind::Categorical),
        ("x".to_owned(), ColumnKind::Integer),
    ];
    let hint = Hint {
        kinds,
        ..Hint::default()
    };
    let ingested = descent::data::reprofile(&file[..], Limits::default(), hint).unwrap();
    assert_eq!(ingested.columns[0].kind, ColumnKind::Categorical);
    assert_eq!(ingested.columns[0].n_bad, 0);
    let x = &ingested.columns[1];
    assert_eq!(
        (x.kind, x.n_bad, x.bad_cells[0].line),
        (ColumnKind::Integer, 1, 5)
    );
    assert_eq!((x.min, x.max), (Some(10.0), Some(30.0)));
    let unknown = Hint {
        kinds: vec![("nope".to_owned(), ColumnKind::Text)],
        ..Hint::default()
    };
    assert_eq!(
        descent::data::reprofile(&file[..], Limits::default(), unknown)
            .unwrap_err()
            .code,
        "unknown_column"
    );
}

#[test]
fn booleans_in_words() {
    let ingested = ingest(b"ok,n\nYes,1\nno,2\nYES,3\n,4\n").unwrap();
    assert_eq!(
        (ingested.columns[0].kind, ingested.columns[0].n_missing),
        (ColumnKind::Boolean, 1)
    );
}

#[test]
fn many_different_values_are_counted_up_to_a_cap() {
    let mut file = b"id,name\n".to_vec();
    for i in 0..50_000 {
        let _ = writeln!(file, "{i},n{i}");
    }
    let ingested = ingest(&file).unwrap();
    for column in &ingested.columns {
        assert_eq!(
            (column.distinct.n, column.distinct.exact),
            (10_001, false),
            "{}",
            column.name
        );
        assert!(column.top_values.is_empty());
    }
    assert_eq!(ingested.columns[1].kind, ColumnKind::Text);
    let histogram = ingested.columns[0].histogram.as_ref().unwrap();
    assert!(
        !histogram.exact && histogram.counts.iter().all(|n| n.abs_diff(2500) <= 64),
        "{histogram:?}"
    );
}
