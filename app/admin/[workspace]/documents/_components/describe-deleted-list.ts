/** Where the deleted documents of a workspace are listed. */
export const describeDeletedList = (workspace: string) => ({
  href: `/admin/${workspace}/documents?state=deleted`,
});
