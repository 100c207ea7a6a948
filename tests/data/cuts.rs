//! Where the bytes are cut, and how many threads read them, changes nothing.

use descent::data::{Hint, Limits, MISSING_WORDS, preview};
use proptest::prelude::*;

use crate::{ingest, ingest_in_pieces};

/// The plainest reader of quoted tables there is: one character after the other.
fn naive(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut started) = (false, false);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if quoted || cell.is_empty() => (quoted, started) = (!quoted, true),
            ',' if !quoted => {
                row.push(std::mem::take(&mut cell));
                started = true;
            }
            '\r' if !quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                if started || !cell.is_empty() || !row.is_empty() {
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
                started = false;
            }
            c => cell.push(c),
        }
    }
    if started || !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}

/// A cell as a file writes it: plain, or quoted with anything inside. What stands for a missing value is no cell to be read back.
fn written_cell() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z가-힣0-9]{1,6}".prop_filter("missing", |cell| !MISSING_WORDS.contains(&&**cell)),
        "-?[0-9]{1,4}(\\.[0-9]{1,3})?",
        "[a-z\"가,\n\r;0-9]{1,8}".prop_map(|inner| format!("\"x{}x\"", inner.replace('"', "\"\""))),
    ]
}

fn table() -> impl Strategy<Value = String> {
    let ends = prop_oneof![Just("\n"), Just("\r\n"), Just("\n\n")];
    let row = prop::collection::vec(written_cell(), 3);
    prop::collection::vec((row, ends), 1..40).prop_map(|rows| {
        let rows = rows.into_iter().map(|(row, end)| row.join(",") + end);
        "h1,h2,h3\n".to_owned() + &rows.collect::<String>()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn cells_are_those_of_the_naive_reader(text in table(), piece in 1usize..50) {
        let hint = Hint { delimiter: Some(b','), header: Some(true), ..Hint::default() };
        let ingested = ingest_in_pieces(text.as_bytes(), piece, Limits::default(), hint).unwrap();
        let expected = naive(&text);
        prop_assert_eq!(ingested.n_rows as usize, expected.len() - 1);
        let rows = preview(std::io::Cursor::new(text.as_bytes()), &ingested.format, &ingested.schema(), 0, 1000).unwrap();
        let ours: Vec<Vec<String>> =
            rows.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect()).collect();
        prop_assert_eq!(&ours[..], &expected[1..]);
    }

    #[test]
    fn any_bytes_are_answered_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), piece in 1usize..40) {
        let whole = ingest(&bytes).map(|ingested| ingested.n_rows);
        let pieces = ingest_in_pieces(&bytes, piece, Limits::default(), Hint::default()).map(|i| i.n_rows);
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn text_of_delimiters_and_quotes_is_answered(text in "[ab1,;\"'\n\r\t |-]{0,200}", piece in 1usize..40) {
        let whole = ingest(text.as_bytes()).map(|ingested| serde_json::to_string(&ingested).unwrap());
        let pieces = ingest_in_pieces(text.as_bytes(), piece, Limits::default(), Hint::default());
        prop_assert_eq!(whole, pieces.map(|ingested| serde_json::to_string(&ingested).unwrap()));
    }
}

/// Several blocks of numbers, names, quotes and dates.
fn long_table(n_rows: usize) -> Vec<u8> {
    use std::io::Write;
    let mut text = b"number,whole,name,remark,day\n".to_vec();
    let mut state = 1u64;
    for i in 0..n_rows {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let x = (state >> 33) as f64 / 1e6 - 1000.0;
        let remark = if i % 5 == 0 {
            "\"a, \"\"quoted\"\"\nremark\""
        } else {
            "plain"
        };
        let missing = if i % 17 == 0 { "NA" } else { "red" };
        let _ = writeln!(
            text,
            "{x:.4},{},{missing}{},{remark},20{:02}-0{}-1{}",
            i % 977,
            i % 3,
            i % 25,
            i % 9 + 1,
            i % 10
        );
    }
    text
}

#[test]
fn profiles_are_equal_bit_for_bit_at_any_number_of_threads_and_any_cut() {
    let text = long_table(120_000);
    assert!(
        text.len() > 4 << 20,
        "several blocks are needed, {} bytes are too few",
        text.len()
    );
    let profile = |piece, n_threads| {
        let limits = Limits {
            n_threads,
            ..Limits::default()
        };
        serde_json::to_string(&ingest_in_pieces(&text, piece, limits, Hint::default()).unwrap())
            .unwrap()
    };
    let one = profile(text.len(), 1);
    assert_eq!(one, profile(8192, 2));
    assert_eq!(one, profile(99_991, 4));
}
