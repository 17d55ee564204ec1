// Loaded before identity by `bench:gateway --self-check`: breaks what is measured, in one way.
const dist = (name) =>
  new URL(`../apps/identity/dist/forward-auth/${name}.js`, import.meta.url).href;

const faults = {
  async slow() {
    const { ForwardAuth } = await import(dist('forward-auth'));
    const { answer } = ForwardAuth.prototype;
    ForwardAuth.prototype.answer = async function (...given) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return answer.apply(this, given);
    };
  },
  async dear() {
    const { SwappedTokens } = await import(dist('swapped-tokens'));
    const { find } = SwappedTokens.prototype;
    SwappedTokens.prototype.find = function (...given) {
      const end = performance.now() + 0.5;
      while (performance.now() < end);
      return find.apply(this, given);
    };
  },
  async 'lets-everybody-in'() {
    const { ForwardAuth } = await import(dist('forward-auth'));
    ForwardAuth.prototype.answer = async () => ({ authorization: 'Bearer a.b.c' });
  },
};

await faults[process.env.BENCH_FAULT]?.();
