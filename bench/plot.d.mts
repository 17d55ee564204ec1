export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly x: readonly number[];
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
}
export function plot(chart: Chart): string;
export function roundUp(value: number): number;
export function short(value: number): string;
