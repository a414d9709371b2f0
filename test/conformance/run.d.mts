/** The types of run.mjs, which itself runs without a build. */
export function runCase(file: string, more?: string[]): Promise<string[]>;
export function casesOf(folder: string): string[];
