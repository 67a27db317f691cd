/**
 * Prints, as one line of JSON, the backends that can work here, the one that the setting given as argument chooses, and its
 * devices: `{"available": ["cuda", false], "chosen": "cuda", "devices": ["NVIDIA …"]}`; `false` is the processor. A process
 * of its own, since loading a broken graphics driver can end the process that does it.
 */
import { getLlama, getLlamaGpuTypes, type LlamaGpuType } from 'node-llama-cpp';
import { z } from 'zod';

const wanted = z.enum(['auto', 'off', 'cuda', 'vulkan', 'metal']).parse(process.argv[2] ?? 'auto');
const available: readonly LlamaGpuType[] = await getLlamaGpuTypes('supported');
const llama = await getLlama({ gpu: wanted === 'off' ? false : wanted, build: 'never' });
const devices = llama.gpu === false ? [] : await llama.getGpuDeviceNames();
process.stdout.write(`${JSON.stringify({ available, chosen: llama.gpu, devices })}\n`);
await llama.dispose();
