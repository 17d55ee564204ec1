export const MOST_PER_STEP: number;
export function lastStep(values: readonly number[], least: number): number;
export function failsOf(steps: Readonly<Record<string, number>>): string[];
