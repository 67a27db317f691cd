export type FetchOutcome = 'created' | 'new-version' | 'unchanged';

const words: Readonly<Record<FetchOutcome, string>> = {
  created: 'Fetched. It answers as soon as it is indexed.',
  'new-version': 'It has changed. The new version answers as soon as it is indexed.',
  unchanged: 'Nothing has changed since it was fetched.',
};

export const describeOutcome = (outcome: FetchOutcome): string => words[outcome];
