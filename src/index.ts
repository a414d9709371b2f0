/** What `import … from 'pollux'` gives. */
export { echo, echoModels, type EchoModel, type EchoOptions } from './echo.js';
export { GuestError, HostError, UsageError } from '../host/kernel/error.js';
export { load, type Guest, type GuestKind } from './guest.js';
export { type Exit } from './run.js';
export { sandbox, type Box, type SandboxOptions, type StreamOption } from './sandbox.js';
