import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const PAGE = 'docs/operations/alerts.md';

interface Rule {
  readonly alert: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url?: string };
}
interface PrometheusRule {
  readonly kind: string;
  readonly spec: { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
}

const manifests = parseAllDocuments(read('k8s/overlays/production/monitoring.yaml')).map(
  (document) => document.toJS() as PrometheusRule,
);
const rules = manifests
  .filter(({ kind }) => kind === 'PrometheusRule')
  .flatMap(({ spec }) => spec.groups.flatMap((group) => group.rules));
/** The sections of the page, by their headings. */
const sections = new Map(
  read(PAGE)
    .split(/^## /m)
    .slice(1)
    .map((text) => [text.slice(0, text.indexOf('\n')), text] as const),
);

it('every alert has a section, and every section an alert', () => {
  expect(rules.length).toBeGreaterThan(12);
  expect([...sections.keys()].sort()).toEqual(rules.map(({ alert }) => alert).sort());
});

it.each(rules.map((rule) => [rule.alert, rule] as const))(
  '%s leads to its section, which says how urgent it is, what to look at and what to do',
  (alert, { labels: { severity }, annotations }) => {
    // What stands in front of `#` the overlay replaces: test/deployment/alert-rules.e2e-spec.ts.
    expect(annotations.runbook_url).toBe(`${PAGE}#${alert.toLowerCase()}`);
    const section = sections.get(alert) ?? '';
    expect(section).toMatch(new RegExp(`^\\w+\n\n\\*\\*${severity}\\.\\*\\* `, 'i'));
    for (const part of ['**Look at** ', '```sh\n', '**Do** ']) expect(section).toContain(part);
  },
);
