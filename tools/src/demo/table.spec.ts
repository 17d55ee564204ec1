import { renderTable, renderTour } from './table.js';

it('aligns its columns and leaves no space at the ends', () => {
  const rows = [
    { step: '1  Log in', session: '-', plainJwt: 'a token', countersign: 'a token' },
    { step: '2  Read', session: '-', plainJwt: 'let in', countersign: 'let in (200)' },
  ];
  expect(renderTable(rows).split('\n')).toEqual([
    'Step       Server session  Plain JWT  Countersign token',
    '─────────  ──────────────  ─────────  ─────────────────',
    '1  Log in  -               a token    a token',
    '2  Read    -               let in     let in (200)',
  ]);
});

it('renders the steps of the tour alike', () => {
  expect(renderTour([{ step: '10 Replay', happened: 'it ended' }]).split('\n')).toEqual([
    'Sessions   What happens',
    '─────────  ────────────',
    '10 Replay  it ended',
  ]);
});
