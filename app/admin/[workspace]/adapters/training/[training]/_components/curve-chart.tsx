'use client';

import 'uplot/dist/uPlot.min.css';
import { useTheme } from 'next-themes';
import { useEffect, useRef } from 'react';
import UPlot from 'uplot';
import { z } from 'zod';

export interface Curve {
  readonly label: string;
  /** Custom property of the theme, e.g. `--accent`. */
  readonly colour: string;
  /** In order of x. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
  /** Few and far between: each gets a dot. */
  readonly hasDots?: boolean;
}

/** One row for every x that any curve knows, as uPlot wants it. */
function alignCurves(curves: readonly Curve[]): UPlot.AlignedData {
  const xs = [...new Set(curves.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  return [
    xs,
    ...curves.map(({ points }) => {
      const byX = new Map(points.map(({ x, y }) => [x, y]));
      return xs.map((x) => byX.get(x) ?? null);
    }),
  ];
}

const DEFAULT_HEIGHT = 260;

interface ChartProps {
  readonly curves: readonly Curve[];
  readonly label: string;
  readonly height?: number;
  /** Stable from one rendering to the next. */
  readonly formatValue: (value: number) => string;
}

/** Curves over steps, with the numbers below the pointer in the legend. A canvas knows no theme: a new one, a new chart. */
export function CurveChart(props: ChartProps) {
  const { resolvedTheme } = useTheme();
  return <ThemedChart key={resolvedTheme} {...props} />;
}

const looksSchema = z.array(z.object({ label: z.string(), colour: z.string(), hasDots: z.boolean().optional() }));

function ThemedChart({ curves, label, height = DEFAULT_HEIGHT, formatValue }: ChartProps) {
  const holder = useRef<HTMLElement>(null);
  const chart = useRef<UPlot | null>(null);
  const looks = JSON.stringify(curves.map(({ label: name, colour, hasDots }) => ({ label: name, colour, hasDots })));

  // The chart is made anew with its looks only; data goes into the one that is there, so that the pointer's place stays.
  useEffect(() => {
    const element = holder.current;
    if (element === null) return undefined;
    const style = getComputedStyle(element);
    const read = (name: string) => style.getPropertyValue(name).trim();
    const axis: UPlot.Axis = {
      stroke: read('--ink-faint'),
      font: `12px ${style.fontFamily}`,
      grid: { stroke: read('--line'), width: 1 },
      ticks: { show: false },
    };
    const format = (value: number | null) => (value === null ? '–' : formatValue(value));
    const series = looksSchema.parse(JSON.parse(looks)).map(({ label: name, colour, hasDots }): UPlot.Series => {
      const stroke = read(colour);
      return {
        label: name,
        stroke,
        width: 2,
        spanGaps: true,
        points: { show: hasDots === true, size: 7, fill: stroke },
        value: (_, value: number | null) => format(value),
      };
    });
    const made = new UPlot(
      {
        width: element.clientWidth,
        height,
        cursor: { points: { size: 7 }, drag: { x: false, y: false } },
        scales: { x: { time: false } },
        axes: [
          {
            ...axis,
            size: 32,
            values: (_, splits) => splits.map((value) => (Number.isInteger(value) ? String(value) : '')),
          },
          { ...axis, size: 58, values: (_, splits) => splits.map(format) },
        ],
        series: [{ label: 'Step' }, ...series],
      },
      [[], ...series.map(() => [])],
      element,
    );
    chart.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [looks, height, formatValue]);

  useEffect(() => {
    chart.current?.setData(alignCurves(curves));
  }, [curves]);

  return (
    <figure
      ref={holder}
      aria-label={label}
      className="curve-chart w-full min-w-0 overflow-hidden"
      style={{ minHeight: height }}
    />
  );
}
