import type { ComponentChildren } from "preact";
import "./table.css";

export interface TableColumn<T> {
  head: ComponentChildren;
  cell: (item: T) => ComponentChildren;
  /** Numbers stand at the end of their cell, digit under digit. */
  end?: boolean;
}

interface TableProps<T> {
  /** What the table shows, for those who hear it. */
  label: string;
  columns: TableColumn<T>[];
  rows: T[];
  id: (item: T) => string;
}

export function Table<T>({ label, columns, rows, id }: TableProps<T>) {
  return (
    // A table wider than the screen scrolls by itself, also by keyboard.
    <div class="table-scroll" tabIndex={0} role="region" aria-label={label}>
      <table class="table">
        <thead>
          <tr>{columns.map((column, idx) => <th key={idx} scope="col" class={column.end ? "end" : undefined}>{column.head}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={id(row)}>{columns.map((column, idx) => <td key={idx} class={column.end ? "end" : undefined}>{column.cell(row)}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
