/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key set and the only token that was ever signed with its key, whose private half is gone.
 */
#ifndef SK_TEST_GENUINE_H
#define SK_TEST_GENUINE_H

#define GENUINE_N                                                                              \
    "t7ri0JuuJeQJpkskH96ed7a5zFoYQSGST1avWM7cNG2HP3vFnB1_vYKSHLhK61ZNhCRUmQSdrnP-"             \
    "8yEDmpf1XxTEGlhTEbDHyJAjs1LgLqlQ6F-"                                                      \
    "6rGjClVHfeveCIwXE5nY2IsxqADMZFVvMMJS1NUW_YEMMiwMdSaWVLqFMv2N6btkJFy3_Sl9C0wgdfnj"         \
    "tjDXjME76yvwCB0imdgsmjWQxosPTwuXhP0Y5Y6C2G485XWvp99CEP8SmbHobSsDjEdIXEFplCRvTrf1"         \
    "QkSz7lvCSR0rJb8jDDZLWZykYA_IBAB2L272iUPO-xI9hQnp5hrzq0wc9GPavwr3S7IAnRQ"

#define GENUINE_KEYS                                                                           \
    "{\"keys\":[{\"kty\":\"RSA\",\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":\"k1\","            \
    "\"n\":\"" GENUINE_N "\",\"e\":\"AQAB\"}]}"

#define GENUINE_TOKEN                                                                          \
    "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2FjbWUu"         \
    "c2NhbGVraXQuY29tIiwic3ViIjoidXNyXzEiLCJleHAiOjE3MDAwMDAzMDB9.qJCpASXULnvSZ01h4Dd"         \
    "5RMtmzV8ZCsgSis-dQyiXXiUDvqZNeaY5nWJ1E39NtST97ZzBuW-"                                     \
    "d0qJahVp9l3t9OY9dhI3_RVbrFKw0LYOkP6DsQy1OYPvn5OhCnSvUXUovUuRbwdhRROJTv0_BMf9CA0V"         \
    "fBpooKLST2xGeVAs_Wr--"                                                                    \
    "b7T8p9-NuYTEe9GnOhzO4SkHB3ckJAMpz41s90nfjvBAwMyCsCmCL_ksHO1_l2Nd-yYvz84Wp4GsFI9f"         \
    "T1sozN8hEaeYI_7-eLdaBPE4-JMdGR8Ie9-Vr9bOKkvqrZOGmmNrb-"                                   \
    "2jBHstT3PywZvfQYmBmUMi4wRaXB-nNBzA7A"

#endif
