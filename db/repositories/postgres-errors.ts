/** SQLSTATE 23505 (PostgreSQL manual, appendix A), anywhere in the chain of causes: drizzle wraps what the driver throws. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth += 1) {
    if (!('code' in current) || current.code !== '23505') continue;
    return constraint === undefined || ('constraint' in current && current.constraint === constraint);
  }
  return false;
}
