/** A curve without axes, beside words. It says nothing that the words do not, so it is hidden from screen readers. */
export function Sparkline({ values, width = 120, height = 32 }: { values: number[]; width?: number; height?: number }) {
  if (values.length < 2) return <svg width={width} height={height} aria-hidden="true" />;
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const points = values.map((value, idx) => {
    const x = (idx / (values.length - 1)) * width;
    const y = 2 + (1 - (value - low) / span) * (height - 4);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true" class="sparkline">
      <polyline points={points.join(" ")} fill="none" stroke="var(--series-1)" stroke-width="1.5" stroke-linejoin="round" />
    </svg>
  );
}
