// Who can log in. All of it is made up.

import { newId } from './keys.mjs';

export const defaultOrganizations = [
  { id: 'org_17500000000000001', name: 'Acme', externalId: 'acme' },
  { id: 'org_17500000000000002', name: 'Globex' },
];

export const defaultUsers = [
  {
    id: 'usr_17500000000000001',
    email: 'ada@acme.test',
    name: 'Ada Admin',
    externalId: 'acme-ada',
    organization: 'Acme',
    roles: ['admin'],
    permissions: ['organization:settings', 'projects:read', 'projects:create'],
  },
  {
    id: 'usr_17500000000000002',
    email: 'max@acme.test',
    name: 'Max Member',
    organization: 'Acme',
    roles: ['member'],
    permissions: ['projects:read'],
  },
  {
    id: 'usr_17500000000000003',
    email: 'olga@globex.test',
    name: 'Olga Other',
    organization: 'Globex',
    roles: ['member'],
    permissions: ['projects:read'],
  },
];

// Users belong to one organization (organization, roles, permissions) or to several
// (memberships: [{ organization, roles, permissions }]); inside there is only the second form.
export function createPeople(userList, organizationList) {
  const organizations = structuredClone(organizationList);
  const users = userList.map((user) => complete(user));

  function organization(key) {
    return organizations.find(({ id, name }) => key === id || key === name);
  }

  function ensureOrganization(key) {
    if (!organization(key)) organizations.push({ id: newId('org'), name: key });
    return organization(key);
  }

  function complete({ organization: home, roles, permissions, memberships, ...user }) {
    const [givenName, ...familyName] = user.name.split(' ');
    const list = memberships ?? [{ organization: home, roles, permissions }];
    return {
      id: newId('usr'),
      emailVerified: true,
      givenName,
      familyName: familyName.join(' ') || undefined,
      ...user,
      memberships: list.map((membership) => {
        const { id } = ensureOrganization(membership.organization);
        return { organizationId: id, roles: membership.roles ?? [], permissions: membership.permissions ?? [] };
      }),
      connectionId: user.connectionId ?? connectionOf(list[0].organization),
    };
  }

  // One connection for each organization.
  function connectionOf(key) {
    return ensureOrganization(key).connectionId ??= newId('conn');
  }

  const find = (key) => users.find(({ id, email }) => key === id || key === email);
  const membership = (user, organizationId) =>
    user.memberships.find((candidate) => candidate.organizationId === organizationId);

  // Changes a user while the stand-in runs; roles and permissions go to `organization`, or the first one.
  function change(key, { roles, permissions, organization: home, ...profile }) {
    const user = find(key);
    if (!user) throw new TypeError(`no such user: ${key}`);
    const target = home ? membership(user, organization(home)?.id) : user.memberships[0];
    if (!target) throw new TypeError(`${key} is no member of ${home}`);
    Object.assign(user, profile);
    if (roles) target.roles = roles;
    if (permissions) target.permissions = permissions;
  }

  const originals = structuredClone(users);

  // In place, because sessions refer to their users.
  function reset() {
    users.forEach((user, index) => Object.assign(user, structuredClone(originals[index])));
  }

  return { users, organizations, organization, find, membership, change, reset };
}
