// mod_auth_form on mod_session_cookie: what a session costs that httpd itself keeps.

import crypto from 'node:crypto';

// The hash is a cheap one: mod_auth_form looks the password up with each request.
const sha1 = (text) => crypto.createHash('sha1').update(text).digest('base64');

/** What is sent to /sign-in. */
export const formCredentials = { httpd_username: 'ada', httpd_password: 'test_made-up' };

/** The file `users` in the root of the server. */
export const formUsers = `${formCredentials.httpd_username}:{SHA}${sha1(formCredentials.httpd_password)}\n`;

const usersOf = ({ root }) => `AuthFormProvider file
    AuthUserFile "${root}/users"`;

/** A host whose pages ask for a session. lines: further ones for them; users: how the name in it is looked up */
export const formLocations = (server, lines = '', users = usersOf(server)) => `<Location "/">
    AuthType form
    AuthName site
    ${users}
    Session On
    SessionCookieName session path=/;HttpOnly
    ${lines}
    Require valid-user
</Location>
<Location "/sign-in">
    SetHandler form-login-handler
    Require all granted
</Location>`;
