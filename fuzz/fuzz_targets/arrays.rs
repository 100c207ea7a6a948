//! What every target of arrays does with a file: describe it, and if it is sound, read it as training and preview do.

use std::io::Cursor;

use descent::data::{Layout, Limits, Reading, Wanted, decode, pick, preview, profile_arrays};

/// Reads `bytes` by each layout.
pub fn read(bytes: &[u8]) {
    for layout in [Layout::ChannelsLast, Layout::ChannelsFirst, Layout::Sequence] {
        let Ok(found) = profile_arrays(Cursor::new(bytes), Some(layout), &Limits::default()) else {
            continue;
        };
        let schema = found.schema();
        assert!(found.n_rows > 0 && schema.array() == Some(0));
        let wanted: Vec<Wanted> = schema
            .columns
            .iter()
            .enumerate()
            .map(|(column, about)| Wanted {
                column,
                reading: Reading::of(about.kind),
            })
            .collect();
        // Sound once is sound again: what was described can be read.
        let frame = decode(Cursor::new(bytes), &found.format, &schema, &wanted).unwrap();
        assert_eq!(frame.n_rows as u64, found.n_rows);
        let rows = preview(Cursor::new(bytes), &found.format, &schema, 0, 3).unwrap();
        assert_eq!(rows[0].len(), schema.columns.len());
        assert_eq!(pick(Cursor::new(bytes), &found.format, &schema, &[0]).unwrap()[0], rows[0]);
    }
}
