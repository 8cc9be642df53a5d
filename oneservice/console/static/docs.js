// The API's own page: every address, to be read and tried. Swagger UI draws what /openapi.json says.
"use strict";

document.addEventListener("DOMContentLoaded", () =>
  SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    validatorUrl: null, // else it would ask a site of Swagger's what it thinks of the file
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
  }),
);
