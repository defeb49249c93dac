/*
 * How many sequences fit beside the weights: examples/reference_numbers/memory.py, operation by operation, so that both
 * round alike.
 */

const GB = 1_000_000_000;

export function model(inputs) {
  const { layers, kv_heads, head_dim, kv_bits, parameters, weight_bits, gpus, memory, usable, context, wanted } = inputs;
  const heads = Math.ceil(kv_heads / gpus) * gpus;
  const token = (2 * layers * heads * head_dim * kv_bits) / 8;
  const weights = (parameters * GB * weight_bits) / 8;
  const share = usable / 100;
  const room = gpus * memory * GB * share;
  const left = room - weights;
  const sequence = token * context;
  const fits = Math.max(0, Math.floor(left / sequence));
  return {
    heads,
    token,
    weights,
    usable_share: share,
    room,
    left: left > 0 ? left : null,
    lacking: left > 0 ? null : -left,
    sequence,
    tokens: Math.max(0, Math.floor(left / token)),
    fits,
    enough: fits >= wanted ? 1 : null,
    need: weights + wanted * sequence,
    longest: Math.max(0, Math.floor(left / token / wanted)),
  };
}
