import { REJECTION_CODES, UNAVAILABILITY_CODES } from '@countersign/token-verifier';

/** Besides what any verifier and a swap answer. */
export const FORWARD_AUTH_PROBLEMS = {
  metadata_rejected: { status: 400, title: 'The gateway does not say what is asked for' },
  ambiguous_target: { status: 400, title: 'The path can be read in more than one way' },
} as const;

/** Why a request that a gateway asks about does not go on, however the gateway asks. */
export const REFUSALS_OF_A_REQUEST = [
  'forbidden',
  'credentials_required',
  'malformed_credentials',
  'multiple_credentials',
  'origin_required',
  ...REJECTION_CODES,
  'session_ended',
  'client_disabled',
  'overloaded',
  'revocation_in_progress',
  ...UNAVAILABILITY_CODES,
] as const;
