import { Registry } from 'prom-client';
import { measureVerifier } from './verifier-metrics.js';

async function linesOf(registry: Registry, name: string): Promise<string[]> {
  const text = await registry.metrics();
  return text.split('\n').filter((line) => line.startsWith(name));
}

it('shows what a verifier holds and has done', async () => {
  const registry = new Registry();
  const { watch } = measureVerifier(registry);
  watch({
    state: () => ({
      keys: {
        ageSeconds: 1_000,
        freshness: 'late',
        fetches: { changed: 2, unchanged: 30, refused: 1, failed: 4 },
        skippedKeys: 3,
      },
      signatures: { remembered: 5, recalled: 60, missed: 7, unknownKids: 8 },
      revocation: {
        heartbeatAgeMs: 500,
        dropped: 0,
        entries: 9,
        full: false,
        sources: [
          { name: 'redis', connected: false },
          { name: 'feed', connected: true },
        ],
      },
    }),
  });
  // Twice: what is asked for often is not counted twice.
  await registry.metrics();
  expect(await linesOf(registry, 'countersign_')).toEqual([
    'countersign_key_age_seconds 1000',
    'countersign_keys_late 1',
    'countersign_keys_skipped 3',
    'countersign_key_fetches_total{outcome="changed"} 2',
    'countersign_key_fetches_total{outcome="unchanged"} 30',
    'countersign_key_fetches_total{outcome="refused"} 1',
    'countersign_key_fetches_total{outcome="failed"} 4',
    'countersign_verified_tokens 5',
    'countersign_verified_tokens_lookups_total{result="hit"} 60',
    'countersign_verified_tokens_lookups_total{result="miss"} 7',
    'countersign_unknown_kids_total 8',
    'countersign_revocations_dropped 0',
    'countersign_heartbeat_age_seconds 0.5',
    'countersign_revocations 9',
    'countersign_revocations_full 0',
    'countersign_revocation_source_connected{source="redis"} 0',
    'countersign_revocation_source_connected{source="feed"} 1',
  ]);
});

it('counts outcomes, and refusals by reason', async () => {
  const registry = new Registry();
  const { onOutcome } = measureVerifier(registry);
  onOutcome('accepted');
  onOutcome('malformed', 'not three parts');
  onOutcome('malformed', 'not three parts');
  expect(await linesOf(registry, 'countersign_verify_')).toEqual([
    'countersign_verify_total{outcome="accepted"} 1',
    'countersign_verify_total{outcome="malformed"} 2',
    'countersign_verify_refused_total{code="malformed",reason="not three parts"} 2',
  ]);
});

it('never has more than a hundred reasons and one for the rest', async () => {
  const registry = new Registry();
  const { onOutcome } = measureVerifier(registry);
  for (let n = 0; n < 500; n += 1) onOutcome('malformed', `reason ${String(n)}`);
  const lines = await linesOf(registry, 'countersign_verify_refused_total');
  expect(lines).toHaveLength(101);
  expect(lines.at(-1)).toBe(
    'countersign_verify_refused_total{code="malformed",reason="other"} 400',
  );
});
