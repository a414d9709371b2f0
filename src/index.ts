/** What `import … from 'pollux'` gives. */
export { type DirectoryOption } from './directory.js';
export {
  echo,
  echoCombinations,
  echoLanguages,
  echoModels,
  echoProtocols,
  type Combination,
  type EchoLanguage,
  type EchoModel,
  type EchoOptions,
  type EchoProtocol,
} from './echo.js';
export { GuestError, HostError, UsageError } from '../host/kernel/error.js';
export { load, type Guest, type GuestKind } from './guest.js';
export { type Exit } from './run.js';
export {
  sandbox,
  isolateNames,
  serveNames,
  type Box,
  type SandboxOptions,
  type IsolateName,
  type ServeName,
  type StreamOption,
} from './sandbox.js';
