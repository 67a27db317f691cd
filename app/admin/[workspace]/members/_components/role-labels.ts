import type { Role } from '#lib/domain/actor.ts';

export const roleLabels: Readonly<Record<Role, { readonly name: string; readonly may: string }>> = {
  owner: { name: 'Owner', may: 'Everything, including making and removing owners.' },
  admin: { name: 'Admin', may: 'Documents, members, keys and settings.' },
  evaluator: { name: 'Evaluator', may: 'Asks questions, sees jobs, runs evaluations.' },
  member: { name: 'Member', may: 'Asks questions and opens documents.' },
};
