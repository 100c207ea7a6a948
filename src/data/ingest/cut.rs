//! The stream of unpacked bytes, cut into blocks of whole records.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::part::{ColumnPlan, Plan};
use super::workers::Workers;
use super::{infer, long_field};
use crate::data::encoding::{self, UTF8_MARK};
use crate::data::record::{self, Cut};
use crate::data::{Compression, DataError, Format, Hint, Ingested, Limits, sniff};

/// Bytes of a block, unless a single record is longer.
const BLOCK_BYTES: usize = 1 << 20;
/// Different values counted per column, fewer in tables with very many columns.
const MAX_DISTINCT: usize = 10_000;

/// Cuts, and hands the blocks to the workers.
pub(super) struct Cutter {
    limits: Limits,
    hint: Hint,
    buffer: Vec<u8>,
    /// How many bytes must be there before the next cut is tried.
    wanted: usize,
    n_unpacked: u64,
    state: Option<Begun>,
}

/// What is known once the head has been seen.
struct Begun {
    plan: Arc<Plan>,
    format: Format,
    workers: Workers,
    /// Offset of the buffer's first byte in the unpacked file.
    offset: u64,
}

impl Cutter {
    pub(super) fn new(limits: Limits, hint: Hint) -> Self {
        Self {
            limits,
            hint,
            buffer: Vec::new(),
            wanted: BLOCK_BYTES,
            n_unpacked: 0,
            state: None,
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes bytes; whenever a block is full its whole records go to a worker and the rest begins the next block.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), DataError> {
        self.n_unpacked += bytes.len() as u64;
        if self.n_unpacked > self.limits.max_unpacked_bytes {
            let message = format!(
                "the unpacked file is larger than {} bytes",
                self.limits.max_unpacked_bytes
            );
            return Err(DataError::new("file_too_large", message));
        }
        while !bytes.is_empty() {
            let room = self.wanted - self.buffer.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == self.wanted {
                self.cut()?;
            }
        }
        Ok(())
    }

    fn cut(&mut self) -> Result<(), DataError> {
        if self.state.is_none() {
            self.begin(false)?;
        }
        let Some(begun) = &mut self.state else {
            if self.wanted < self.limits.max_record_bytes {
                self.wanted *= 2;
                return Ok(());
            }
            return Err(long_record(1, self.limits.max_record_bytes));
        };
        match record::whole_records(
            &self.buffer,
            begun.plan.delimiter,
            self.limits.max_field_bytes,
        ) {
            Cut::At(0) if self.wanted >= self.limits.max_record_bytes => {
                let line = begun.workers.drain()? + 1;
                Err(long_record(line, self.limits.max_record_bytes))
            }
            Cut::At(0) => {
                self.wanted *= 2;
                Ok(())
            }
            Cut::At(end) => {
                let mut rest = begun.workers.empty_block(BLOCK_BYTES);
                rest.extend_from_slice(&self.buffer[end..]);
                self.buffer.truncate(end);
                let block = std::mem::replace(&mut self.buffer, rest);
                self.wanted = BLOCK_BYTES.max(self.buffer.len().next_power_of_two());
                if self.wanted == self.buffer.len() {
                    self.wanted *= 2;
                }
                begun.hand_over(block)
            }
            Cut::LongField(quote) => {
                begun.refuse_long_field(&self.buffer, quote, self.limits.max_field_bytes)
            }
        }
    }

    /// Looks at the head of the file and makes the plan for all blocks, unless the head is still too short.
    fn begin(&mut self, whole: bool) -> Result<(), DataError> {
        encoding::check_head(&self.buffer)?;
        let mark = if self.buffer.starts_with(UTF8_MARK) {
            UTF8_MARK.len()
        } else {
            0
        };
        let text = head_text(&self.buffer[mark..], mark as u64)?;
        let Some(sniffed) = sniff::sniff(text, whole, &self.hint, &self.limits)? else {
            return Ok(());
        };
        for (name, _) in &self.hint.kinds {
            if !sniffed.names.contains(name) {
                return Err(DataError::new(
                    "unknown_column",
                    format!("the dataset has no column {name:?}"),
                ));
            }
        }
        let n_columns = sniffed.names.len();
        let names_and_guesses = sniffed.names.into_iter().zip(sniffed.expects_numbers);
        let columns = names_and_guesses.map(|(name, expects_numbers)| {
            let forced = self
                .hint
                .kinds
                .iter()
                .find(|(of, _)| *of == name)
                .map(|(_, kind)| *kind);
            let expects_numbers = expects_numbers && forced.is_none();
            ColumnPlan {
                name,
                expects_numbers,
                forced,
                full: AtomicBool::new(false),
            }
        });
        let plan = Plan {
            delimiter: sniffed.format.delimiter_byte(),
            columns: columns.collect(),
            max_field_bytes: self.limits.max_field_bytes,
            max_cells: if n_columns <= 1000 { 1024 } else { 256 },
            max_distinct: (2_000_000 / n_columns).clamp(200, MAX_DISTINCT),
        };
        let plan = Arc::new(plan);
        let format = Format {
            byte_order_mark: mark > 0,
            ..sniffed.format
        };
        let name_bytes = ((64 << 20) / n_columns).clamp(4 << 10, 1 << 20);
        let workers = Workers::new(
            Arc::clone(&plan),
            self.limits.n_threads,
            sniffed.header_lines,
            name_bytes,
        );
        let skipped = mark + sniffed.header_bytes;
        self.buffer.drain(..skipped);
        self.state = Some(Begun {
            plan,
            format,
            workers,
            offset: skipped as u64,
        });
        Ok(())
    }

    /// Parses what is left and adds everything up.
    pub(super) fn finish(mut self, compression: Compression) -> Result<Ingested, DataError> {
        if self.state.is_none() {
            self.begin(true)?;
        }
        let Some(mut begun) = self.state else {
            return Err(DataError::new("empty_file", "the file is empty"));
        };
        if !self.buffer.is_empty() {
            begun.hand_over(std::mem::take(&mut self.buffer))?;
        }
        let totals = begun.workers.finish()?;
        if totals.n_rows == 0 {
            return Err(
                DataError::new("only_header", "the file has a header but no row under it")
                    .at_line(1),
            );
        }
        let columns = begun.plan.columns.iter().zip(&totals.columns).enumerate();
        let columns = columns.map(|(i, (column, totals))| {
            infer::profile(&column.name, i + 1, column.forced, totals)
        });
        Ok(Ingested {
            format: Format {
                compression,
                ..begun.format
            },
            n_rows: totals.n_rows,
            unpacked_bytes: self.n_unpacked,
            columns: columns.collect(),
        })
    }
}

impl Begun {
    fn hand_over(&mut self, block: Vec<u8>) -> Result<(), DataError> {
        let offset = self.offset;
        self.offset += block.len() as u64;
        self.workers.parse(block, offset)
    }

    /// A quoted field that goes on for too long: records before it may be wrong first.
    fn refuse_long_field(
        &mut self,
        buffer: &[u8],
        quote: usize,
        max: usize,
    ) -> Result<(), DataError> {
        let start = memchr::memrchr(b'\n', &buffer[..quote]).map_or(0, |i| i + 1);
        if start > 0 {
            self.hand_over(buffer[..start].to_vec())?;
        }
        let line = self.workers.drain()? + 1;
        let mut column = 0;
        let mut at = start;
        while at < quote
            && let Ok(field) = record::field(buffer, at, self.plan.delimiter)
            && field.end <= quote
        {
            at = field.end;
            column += 1;
        }
        let name = self
            .plan
            .columns
            .get(column)
            .map(|column| column.name.as_str());
        Err(long_field(line, column + 1, name, max))
    }
}

fn long_record(line: u64, max: usize) -> DataError {
    let message = format!(
        "the record at line {line} is longer than {max} bytes; is a line break or a quote missing?"
    );
    DataError::new("record_too_long", message).at_line(line)
}

/// The head as text; a character cut in two by its end is left out.
fn head_text(head: &[u8], offset: u64) -> Result<&str, DataError> {
    match std::str::from_utf8(head) {
        Ok(text) => Ok(text),
        Err(error) if error.error_len().is_none() && head.len() - error.valid_up_to() < 4 => {
            Ok(std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default())
        }
        Err(error) => Err(encoding::not_utf8(head, error.valid_up_to(), offset)),
    }
}
