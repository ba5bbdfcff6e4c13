"""The LTI 1.3 tool: course platforms launch it, and get grades from it (https://www.imsglobal.org/spec/lti/v1p3)."""
